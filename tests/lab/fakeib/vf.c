// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - the guest's side: a driver for emulated virtual functions that
 * gives each a port.
 *
 * An emulated function cannot carry a GUID, so the GUIDs come as a module
 * parameter, keyed by PCI address.  The order of that list is the order in
 * which the ports are made: a way to have ib0 on any of the functions.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "fakeib.h"

static char *vfs = "";
module_param(vfs, charp, 0444);
MODULE_PARM_DESC(vfs, "functions to take, in order: 0000:00:12.0[=port GUID][,...]");

/* A function that is plugged in later, or again with another GUID: written before it is bound. */
static int add_set(const char *value, const struct kernel_param *kp);
static const struct kernel_param_ops add_ops = { .set = add_set };
module_param_cb(add, &add_ops, NULL, 0200);
MODULE_PARM_DESC(add, "one more function to take: 0000:00:12.0=port GUID");

static bool any;
module_param(any, bool, 0444);
MODULE_PARM_DESC(any, "take functions that vfs does not name, too");

/* One function named by the parameter, or taken because of "any". */
struct fakeib_function {
	struct list_head	node;
	int			domain;
	unsigned int		bus;
	unsigned int		devfn;
	u64			guid;
	struct pci_dev		*pdev;	/* while bound */
	struct net_device	*dev;	/* while it has a port */
};

static DEFINE_MUTEX(functions_lock);
static LIST_HEAD(functions);
static bool collecting = true;		/* until all present are bound */

/* "00:05:aa:00:c0:a8:07:05" or "0005aa00c0a80705" */
static int parse_guid(const char *text, u64 *guid)
{
	unsigned int digits = 0;

	*guid = 0;
	for (; *text; text++) {
		int digit = hex_to_bin(*text);

		if (*text == ':' && digits && digits % 2 == 0)
			continue;
		if (digit < 0 || digits == 16)
			return -EINVAL;
		*guid = *guid << 4 | digit;
		digits++;
	}
	return digits == 16 ? 0 : -EINVAL;
}

static struct fakeib_function *add_function(int domain, unsigned int bus,
					    unsigned int devfn, u64 guid)
{
	struct fakeib_function *fn;

	list_for_each_entry(fn, &functions, node)
		if (fn->domain == domain && fn->bus == bus && fn->devfn == devfn) {
			fn->guid = guid ?: fn->guid;
			return fn;
		}
	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return NULL;
	fn->domain = domain;
	fn->bus = bus;
	fn->devfn = devfn;
	fn->guid = guid ?: fakeib_made_up_guid();
	list_add_tail(&fn->node, &functions);
	return fn;
}

static int parse_function(char *text)
{
	unsigned int domain, bus, slot, func;
	char *guid_text = text;
	u64 guid = 0;

	strsep(&guid_text, "=");
	if (guid_text && *guid_text && parse_guid(guid_text, &guid))
		return -EINVAL;
	if (sscanf(text, "%x:%x:%x.%x", &domain, &bus, &slot, &func) != 4)
		return -EINVAL;
	return add_function(domain, bus, PCI_DEVFN(slot, func), guid) ? 0 : -ENOMEM;
}

static int parse_functions(void)
{
	char *list, *rest, *text;
	int err = 0;

	list = kstrdup(vfs, GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	rest = list;
	while (!err && (text = strsep(&rest, ","))) {
		if (*text)
			err = parse_function(text);
		if (err)
			pr_err("vfs: \"%s\" is no function\n", text);
	}
	kfree(list);
	return err;
}

static int add_set(const char *value, const struct kernel_param *kp)
{
	char *text = kstrdup(value, GFP_KERNEL);
	int err;

	if (!text)
		return -ENOMEM;
	mutex_lock(&functions_lock);
	err = parse_function(strim(text));
	mutex_unlock(&functions_lock);
	kfree(text);
	return err;
}

static void free_functions(void)
{
	struct fakeib_function *fn, *next;

	list_for_each_entry_safe(fn, next, &functions, node) {
		list_del(&fn->node);
		kfree(fn);
	}
}

static struct fakeib_function *find_function(const struct pci_dev *pdev)
{
	struct fakeib_function *fn;

	list_for_each_entry(fn, &functions, node)
		if (fn->domain == pci_domain_nr(pdev->bus) &&
		    fn->bus == pdev->bus->number && fn->devfn == pdev->devfn)
			return fn;
	if (!any)
		return NULL;
	return add_function(pci_domain_nr(pdev->bus), pdev->bus->number,
			    pdev->devfn, 0);
}

static int make_port(struct fakeib_function *fn)
{
	struct net_device *dev;

	dev = fakeib_port_add(&fn->pdev->dev, fn->guid, FAKEIB_VF);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	fn->dev = dev;
	return 0;
}

/* -ENODEV leaves the function to its own driver, igbvf for example. */
static int fakeib_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct fakeib_function *fn;
	int err = -ENODEV;

	mutex_lock(&functions_lock);
	fn = find_function(pdev);
	if (fn) {
		fn->pdev = pdev;
		pci_set_drvdata(pdev, fn);
		err = collecting ? 0 : make_port(fn);
		if (err)
			fn->pdev = NULL;
	}
	mutex_unlock(&functions_lock);
	return err;
}

static void fakeib_remove(struct pci_dev *pdev)
{
	struct fakeib_function *fn = pci_get_drvdata(pdev);

	mutex_lock(&functions_lock);
	if (fn->dev)
		fakeib_port_remove(fn->dev);
	fn->dev = NULL;
	fn->pdev = NULL;
	mutex_unlock(&functions_lock);
}

static const struct pci_device_id fakeib_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_INTEL, 0x10ca) },	/* 82576 VF */
	{ PCI_DEVICE(0x1234, 0x11e8) },			/* QEMU "edu" */
	{ }
};
MODULE_DEVICE_TABLE(pci, fakeib_ids);

static struct pci_driver fakeib_driver = {
	.name		= "fakeib",
	.id_table	= fakeib_ids,
	.probe		= fakeib_probe,
	.remove		= fakeib_remove,
	.driver.probe_type = PROBE_FORCE_SYNCHRONOUS,
};

/* The functions present are bound by now, in the order of the bus. */
static void make_ports_in_order(void)
{
	struct fakeib_function *fn;
	int err;

	mutex_lock(&functions_lock);
	collecting = false;
	list_for_each_entry(fn, &functions, node) {
		if (!fn->pdev)
			continue;
		err = make_port(fn);
		if (err)
			pci_err(fn->pdev, "no port: %d\n", err);
	}
	mutex_unlock(&functions_lock);
}

int fakeib_vf_init(void)
{
	int err;

	err = parse_functions();
	if (!err)
		err = pci_register_driver(&fakeib_driver);
	if (err) {
		free_functions();
		return err;
	}
	make_ports_in_order();
	return 0;
}

void fakeib_vf_exit(void)
{
	pci_unregister_driver(&fakeib_driver);
	free_functions();
}
