// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - start and end of the module, and the ports that belong to no
 * PCI device: peers for the others to talk to.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "fakeib.h"

#define FAKEIB_MAX_PEERS	16

static unsigned int ports;
module_param(ports, uint, 0444);
MODULE_PARM_DESC(ports, "number of ports without a PCI device (0..16)");

static struct net_device *peers[FAKEIB_MAX_PEERS];

static void remove_peers(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		if (peers[i])
			fakeib_port_remove(peers[i]);
		peers[i] = NULL;
	}
}

static int add_peers(void)
{
	struct net_device *dev;
	unsigned int i;

	for (i = 0; i < ports; i++) {
		dev = fakeib_port_add(NULL, fakeib_made_up_guid(), FAKEIB_PEER);
		if (IS_ERR(dev)) {
			remove_peers();
			return PTR_ERR(dev);
		}
		peers[i] = dev;
	}
	return 0;
}

/* Physical functions first, so that ib0 is theirs on a hypervisor. */
static int __init fakeib_init(void)
{
	int err;

	if (ports > FAKEIB_MAX_PEERS)
		return -EINVAL;

	err = rtnl_link_register(&fakeib_link_ops);
	if (err)
		return err;

	err = fakeib_pf_init();
	if (err)
		goto err_link;

	err = fakeib_vf_init();
	if (err)
		goto err_pf;

	err = add_peers();
	if (err)
		goto err_vf;

	return 0;

err_vf:
	fakeib_vf_exit();
err_pf:
	fakeib_pf_exit();
err_link:
	rtnl_link_unregister(&fakeib_link_ops);
	return err;
}

/*
 * As in ib_ipoib, the link kind goes first: nobody can make a child by
 * netlink any more, and those made are gone.  Removal of a port takes the
 * children that are left with it.
 */
static void __exit fakeib_exit(void)
{
	rtnl_link_unregister(&fakeib_link_ops);
	remove_peers();
	fakeib_vf_exit();
	fakeib_pf_exit();
	rcu_barrier();
}

module_init(fakeib_init);
module_exit(fakeib_exit);

MODULE_DESCRIPTION("Network devices that look like IPoIB ports, for tests");
MODULE_LICENSE("GPL");
