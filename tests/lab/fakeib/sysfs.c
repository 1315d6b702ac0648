// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - what ib_ipoib adds to /sys/class/net/ib0: mode, pkey, umcast,
 * create_child, delete_child, and parent of a child made by create_child;
 * vf_guids of a physical function is this module's own.
 */
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/rtnetlink.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "fakeib.h"

static ssize_t mode_show(struct device *d, struct device_attribute *attr,
			 char *buf)
{
	bool connected = fakeib_port(to_net_dev(d))->connected;

	return sysfs_emit(buf, connected ? "connected\n" : "datagram\n");
}

/* The newline is needed, as it is by ipoib_set_mode(). */
static ssize_t mode_store(struct device *d, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	bool connected;
	int err;

	if (!strcmp(buf, "connected\n"))
		connected = true;
	else if (!strcmp(buf, "datagram\n"))
		connected = false;
	else
		return -EINVAL;

	if (!rtnl_trylock())
		return restart_syscall();
	err = fakeib_set_mode(to_net_dev(d), connected);
	rtnl_unlock();

	return err ?: count;
}
static DEVICE_ATTR_RW(mode);

static ssize_t pkey_show(struct device *d, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "0x%04x\n", fakeib_port(to_net_dev(d))->pkey);
}
static DEVICE_ATTR_RO(pkey);

static ssize_t umcast_show(struct device *d, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%d\n", fakeib_port(to_net_dev(d))->umcast);
}

static ssize_t umcast_store(struct device *d, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	unsigned long val;
	int err;

	err = kstrtoul(buf, 0, &val);
	if (err)
		return err;
	fakeib_port(to_net_dev(d))->umcast = val > 0;
	return count;
}
static DEVICE_ATTR_RW(umcast);

static ssize_t parent_show(struct device *d, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%s\n", fakeib_port(to_net_dev(d))->parent->name);
}
static DEVICE_ATTR_RO(parent);

/* Limits as in create_child_store() and delete_child_store() of ib_ipoib. */
static ssize_t create_child_store(struct device *d,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	int pkey, err;

	if (kstrtoint(buf, 0, &pkey))
		return -EINVAL;
	if (pkey <= 0 || pkey > 0xffff || pkey == FAKEIB_FULL_MEMBER)
		return -EINVAL;

	err = fakeib_child_create(to_net_dev(d), pkey);
	return err ?: count;
}
static DEVICE_ATTR_WO(create_child);

static ssize_t delete_child_store(struct device *d,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	int pkey, err;

	if (kstrtoint(buf, 0, &pkey))
		return -EINVAL;
	if (pkey < 0 || pkey > 0xffff)
		return -EINVAL;

	err = fakeib_child_delete(to_net_dev(d), pkey);
	return err ?: count;
}
static DEVICE_ATTR_WO(delete_child);

static ssize_t vf_guids_show(struct device *d, struct device_attribute *attr,
			     char *buf)
{
	return fakeib_vf_guids_print(to_net_dev(d), buf);
}
static DEVICE_ATTR_RO(vf_guids);

static struct attribute *fakeib_attrs[] = {
	&dev_attr_mode.attr,
	&dev_attr_pkey.attr,
	&dev_attr_umcast.attr,
	&dev_attr_parent.attr,
	&dev_attr_create_child.attr,
	&dev_attr_delete_child.attr,
	&dev_attr_vf_guids.attr,
	NULL
};

/* In ib_ipoib, a child made by netlink has none of these files. */
static umode_t fakeib_attr_visible(struct kobject *kobj,
				   struct attribute *attr, int n)
{
	const struct fakeib_port *port = fakeib_port(to_net_dev(kobj_to_dev(kobj)));
	bool visible;

	if (attr == &dev_attr_vf_guids.attr)
		visible = port->role == FAKEIB_PF;
	else if (attr == &dev_attr_parent.attr)
		visible = port->child_type == FAKEIB_LEGACY_CHILD;
	else if (attr == &dev_attr_create_child.attr ||
		 attr == &dev_attr_delete_child.attr)
		visible = port->child_type == FAKEIB_NOT_A_CHILD;
	else
		visible = port->child_type != FAKEIB_RTNL_CHILD;

	return visible ? attr->mode : 0;
}

const struct attribute_group fakeib_sysfs_group = {
	.attrs		= fakeib_attrs,
	.is_visible	= fakeib_attr_visible,
};
