// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - P_Key children such as ib0.8001, made by sysfs or by the link
 * kind "ipoib" (ipoib_vlan.c, ipoib_netlink.c).
 */
#include <linux/capability.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "fakeib.h"

/*
 * delete_child knows a child by its P_Key, so those made by create_child
 * must differ.  Children made by netlink may share one: that is what
 * is_child_unique() of ib_ipoib says.
 */
static bool pkey_is_free(struct net_device *parent, u16 pkey)
{
	struct fakeib_port *port = fakeib_port(parent), *child;

	if (port->pkey == pkey)
		return false;
	list_for_each_entry(child, &port->children, sibling)
		if (child->child_type == FAKEIB_LEGACY_CHILD &&
		    child->pkey == pkey)
			return false;
	return true;
}

static int child_register(struct net_device *parent, struct net_device *dev,
			  u16 pkey, enum fakeib_child_type type)
{
	struct fakeib_port *child = fakeib_port(dev);

	ASSERT_RTNL();
	if (pkey == 0 || pkey == FAKEIB_FULL_MEMBER)
		return -EINVAL;
	if (type == FAKEIB_LEGACY_CHILD && !pkey_is_free(parent, pkey))
		return -ENOTUNIQ;

	child->parent = parent;
	child->pkey = pkey;
	child->child_type = type;
	if (fakeib_port(parent)->role == FAKEIB_VF)
		child->role = FAKEIB_VF;
	return register_netdevice(dev);
}

/*
 * The sysfs files of @parent go away under RTNL, and their removal waits for
 * this function: RTNL must not be waited for here.
 */
static int lock_parent(struct net_device *parent)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (!rtnl_trylock())
		return restart_syscall();
	if (parent->reg_state != NETREG_REGISTERED) {
		rtnl_unlock();
		return -EPERM;
	}
	return 0;
}

/* ipoib_vlan_add(): the name has the P_Key as written, 1 gives ib0.0001. */
int fakeib_child_create(struct net_device *parent, int pkey)
{
	char name[IFNAMSIZ];
	struct net_device *dev;
	int err;

	err = lock_parent(parent);
	if (err)
		return err;

	err = -EINVAL;
	if (snprintf(name, sizeof(name), "%s.%04x", parent->name, pkey) >=
	    (int)sizeof(name))
		goto unlock;

	err = -ENOMEM;
	dev = alloc_netdev(sizeof(struct fakeib_port), name, NET_NAME_UNKNOWN,
			   fakeib_port_setup);
	if (!dev)
		goto unlock;
	dev_net_set(dev, dev_net(parent));

	err = child_register(parent, dev, pkey, FAKEIB_LEGACY_CHILD);
	if (err)
		free_netdev(dev);
unlock:
	rtnl_unlock();
	return err;
}

/* ipoib_vlan_delete(): only children made by create_child are found. */
int fakeib_child_delete(struct net_device *parent, int pkey)
{
	struct fakeib_port *child;
	int err;

	err = lock_parent(parent);
	if (err)
		return err;

	err = -ENODEV;
	list_for_each_entry(child, &fakeib_port(parent)->children, sibling) {
		if (child->child_type != FAKEIB_LEGACY_CHILD ||
		    child->pkey != pkey)
			continue;
		unregister_netdevice(child->dev);
		err = 0;
		break;
	}
	rtnl_unlock();
	return err;
}

static const struct nla_policy fakeib_policy[IFLA_IPOIB_MAX + 1] = {
	[IFLA_IPOIB_PKEY]	= { .type = NLA_U16 },
	[IFLA_IPOIB_MODE]	= { .type = NLA_U16 },
	[IFLA_IPOIB_UMCAST]	= { .type = NLA_U16 },
};

static int fakeib_validate(struct nlattr *tb[], struct nlattr *data[],
			   struct netlink_ext_ack *extack)
{
	if (data && data[IFLA_IPOIB_MODE] &&
	    nla_get_u16(data[IFLA_IPOIB_MODE]) > IPOIB_MODE_CONNECTED)
		return -EINVAL;
	return 0;
}

static int fakeib_changelink(struct net_device *dev, struct nlattr *tb[],
			     struct nlattr *data[],
			     struct netlink_ext_ack *extack)
{
	int err;

	if (data && data[IFLA_IPOIB_MODE]) {
		err = fakeib_set_mode(dev, nla_get_u16(data[IFLA_IPOIB_MODE]) ==
					   IPOIB_MODE_CONNECTED);
		if (err)
			return err;
	}
	if (data && data[IFLA_IPOIB_UMCAST])
		fakeib_port(dev)->umcast = nla_get_u16(data[IFLA_IPOIB_UMCAST]);
	return 0;
}

static int fakeib_newlink(struct net *src_net, struct net_device *dev,
			  struct nlattr *tb[], struct nlattr *data[],
			  struct netlink_ext_ack *extack)
{
	struct net_device *parent;
	u16 pkey;
	int err;

	if (!tb[IFLA_LINK])
		return -EINVAL;
	parent = __dev_get_by_index(src_net, nla_get_u32(tb[IFLA_LINK]));
	if (!parent || parent->rtnl_link_ops != &fakeib_link_ops)
		return -ENODEV;
	if (fakeib_port(parent)->parent) {
		NL_SET_ERR_MSG(extack, "a P_Key child has no children");
		return -EINVAL;
	}

	pkey = fakeib_port(parent)->pkey;
	if (data && data[IFLA_IPOIB_PKEY])
		pkey = nla_get_u16(data[IFLA_IPOIB_PKEY]);

	err = child_register(parent, dev, pkey, FAKEIB_RTNL_CHILD);
	if (err)
		return err;

	err = fakeib_changelink(dev, tb, data, extack);
	if (err)
		unregister_netdevice(dev);
	return err;
}

/* "ip link delete ib0" answers 0 and does nothing, as with ib_ipoib. */
static void fakeib_dellink(struct net_device *dev, struct list_head *head)
{
	if (fakeib_port(dev)->parent)
		unregister_netdevice_queue(dev, head);
}

static size_t fakeib_get_size(const struct net_device *dev)
{
	return nla_total_size(2) +	/* IFLA_IPOIB_PKEY */
	       nla_total_size(2) +	/* IFLA_IPOIB_MODE */
	       nla_total_size(2);	/* IFLA_IPOIB_UMCAST */
}

static int fakeib_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	const struct fakeib_port *port = fakeib_port(dev);

	if (nla_put_u16(skb, IFLA_IPOIB_PKEY, port->pkey) ||
	    nla_put_u16(skb, IFLA_IPOIB_MODE, port->connected) ||
	    nla_put_u16(skb, IFLA_IPOIB_UMCAST, port->umcast))
		return -EMSGSIZE;
	return 0;
}

/* netns_refund: ports go back to the first namespace when theirs ends. */
struct rtnl_link_ops fakeib_link_ops __read_mostly = {
	.kind		= "ipoib",
	.netns_refund	= true,
	.maxtype	= IFLA_IPOIB_MAX,
	.policy		= fakeib_policy,
	.priv_size	= sizeof(struct fakeib_port),
	.setup		= fakeib_port_setup,
	.validate	= fakeib_validate,
	.newlink	= fakeib_newlink,
	.changelink	= fakeib_changelink,
	.dellink	= fakeib_dellink,
	.get_size	= fakeib_get_size,
	.fill_info	= fakeib_fill_info,
};
