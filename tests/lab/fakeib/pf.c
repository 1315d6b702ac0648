// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - the hypervisor's side: a port whose device is a PCI physical
 * function, through which the GUIDs of the virtual functions are set and
 * read (ipoib_set_vf_guid() and what mlx5_ib does below it).
 *
 * The PCI device keeps its driver; it is that driver that makes and takes
 * away virtual functions.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "fakeib.h"

#define FAKEIB_MAX_PFS	8

static char *pf = "";
module_param(pf, charp, 0444);
MODULE_PARM_DESC(pf, "PCI physical functions to give a port: 0000:03:00.0[,...]");

static bool ignore_guids;
module_param(ignore_guids, bool, 0644);
MODULE_PARM_DESC(ignore_guids, "answer 0 to a GUID for a VF, and store nothing");

static bool refuse_guids;
module_param(refuse_guids, bool, 0644);
MODULE_PARM_DESC(refuse_guids, "answer EOPNOTSUPP to a GUID for a VF, as mlx4 does");

static struct {
	struct pci_dev		*pdev;
	struct net_device	*dev;
} pfs[FAKEIB_MAX_PFS];

static int num_vfs(const struct net_device *dev)
{
	if (fakeib_port(dev)->role != FAKEIB_PF)
		return 0;
	return min(pci_num_vf(to_pci_dev(dev->dev.parent)), FAKEIB_MAX_VFS);
}

static struct fakeib_vf_state *vf_state(struct net_device *dev, int vf)
{
	if (vf < 0 || vf >= num_vfs(dev))
		return NULL;
	return &fakeib_port(dev)->vfs[vf];
}

int fakeib_set_vf_guid(struct net_device *dev, int vf, u64 guid, int type)
{
	struct fakeib_vf_state *state = vf_state(dev, vf);

	if (refuse_guids)
		return -EOPNOTSUPP;
	if (!state)
		return -EINVAL;
	if (type != IFLA_VF_IB_NODE_GUID && type != IFLA_VF_IB_PORT_GUID)
		return -EINVAL;
	if (ignore_guids)
		return 0;

	if (type == IFLA_VF_IB_NODE_GUID)
		state->node_guid = guid;
	else
		state->port_guid = guid;
	return 0;
}

int fakeib_get_vf_guid(struct net_device *dev, int vf,
		       struct ifla_vf_guid *node_guid,
		       struct ifla_vf_guid *port_guid)
{
	const struct fakeib_vf_state *state = vf_state(dev, vf);

	if (refuse_guids)
		return -EOPNOTSUPP;
	if (!state)
		return -EINVAL;
	node_guid->guid = state->node_guid;
	port_guid->guid = state->port_guid;
	return 0;
}

int fakeib_set_vf_link_state(struct net_device *dev, int vf, int link_state)
{
	struct fakeib_vf_state *state = vf_state(dev, vf);

	if (!state || link_state < IFLA_VF_LINK_STATE_AUTO ||
	    link_state > IFLA_VF_LINK_STATE_DISABLE)
		return -EINVAL;
	state->link_state = link_state;
	return 0;
}

/* ipoib_get_vf_config(): the address shown for a VF is that of the port. */
int fakeib_get_vf_config(struct net_device *dev, int vf,
			 struct ifla_vf_info *info)
{
	const struct fakeib_vf_state *state = vf_state(dev, vf);

	if (!state)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	info->vf = vf;
	info->linkstate = state->link_state;
	memcpy(info->mac, dev->dev_addr, dev->addr_len);
	return 0;
}

/* One line for each VF there is: "0 node=... port=... link=auto". */
ssize_t fakeib_vf_guids_print(struct net_device *dev, char *buf)
{
	static const char * const link[] = {
		[IFLA_VF_LINK_STATE_AUTO]	= "auto",
		[IFLA_VF_LINK_STATE_ENABLE]	= "enable",
		[IFLA_VF_LINK_STATE_DISABLE]	= "disable",
	};
	int vf, len = 0;

	for (vf = 0; vf < num_vfs(dev); vf++) {
		const struct fakeib_vf_state *state = vf_state(dev, vf);

		if (!state)
			break;
		len += sysfs_emit_at(buf, len,
				     "%d node=%016llx port=%016llx link=%s\n",
				     vf, state->node_guid, state->port_guid,
				     link[state->link_state]);
	}
	return len;
}

static struct pci_dev *find_pf(const char *name)
{
	unsigned int domain, bus, slot, func;

	if (sscanf(name, "%x:%x:%x.%x", &domain, &bus, &slot, &func) != 4)
		return NULL;
	return pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, func));
}

static int add_pf(unsigned int i, const char *name)
{
	struct net_device *dev;

	if (i >= ARRAY_SIZE(pfs))
		return -E2BIG;
	pfs[i].pdev = find_pf(name);
	if (!pfs[i].pdev) {
		pr_err("no PCI device \"%s\"\n", name);
		return -ENODEV;
	}

	dev = fakeib_port_add(&pfs[i].pdev->dev, fakeib_made_up_guid(),
			      FAKEIB_PF);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	pfs[i].dev = dev;
	return 0;
}

int fakeib_pf_init(void)
{
	char *list, *rest, *name;
	unsigned int i = 0;
	int err = 0;

	list = kstrdup(pf, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	rest = list;
	while (!err && (name = strsep(&rest, ",")))
		if (*name)
			err = add_pf(i++, name);
	kfree(list);
	if (err)
		fakeib_pf_exit();
	return err;
}

void fakeib_pf_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pfs); i++) {
		if (pfs[i].dev)
			fakeib_port_remove(pfs[i].dev);
		pci_dev_put(pfs[i].pdev);
		pfs[i].dev = NULL;
		pfs[i].pdev = NULL;
	}
}
