// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - the network device: address, MTU, mode, header and carrier of an
 * IPoIB port (ipoib_main.c, ipoib_cm.c).
 */
#include <linux/err.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/string.h>

#include "fakeib.h"

/* The IPv4 broadcast group of the link; octets 8 and 9 carry the P_Key. */
static const u8 broadcast_addr[INFINIBAND_ALEN] = {
	0x00, 0xff, 0xff, 0xff,
	0xff, 0x12, 0x40, 0x1b,	0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00,	0xff, 0xff, 0xff, 0xff
};

/* Flags: reliable connected mode supported.  GID: link-local subnet. */
static const u8 unicast_addr[INFINIBAND_ALEN] = {
	0x80, 0x00, 0x00, 0x00,
	0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

/*
 * A GUID as a vendor burns it in (00:02:c9:03:00:xx:xx:xx): it carries
 * nothing that a host could have put there.
 */
u64 fakeib_made_up_guid(void)
{
	return 0x0002c90300000000ULL | (get_random_u32() & 0xffffff);
}

/* Each device has a queue pair of its own, children too. */
static void set_queue_pair(struct net_device *dev)
{
	static u16 last = 0x0107;
	u8 qpn[3];

	ASSERT_RTNL();
	last += 0x0101;
	qpn[0] = 0;
	qpn[1] = last >> 8;
	qpn[2] = last & 0xff;
	dev_addr_mod(dev, FAKEIB_QPN_OFFSET, qpn, sizeof(qpn));
}

/* ipoib_ndo_init(): a child takes its GID from the port unless told one. */
static int fakeib_init_dev(struct net_device *dev)
{
	struct fakeib_port *port = fakeib_port(dev);

	dev->tstats = netdev_alloc_pcpu_stats(struct pcpu_sw_netstats);
	if (!dev->tstats)
		return -ENOMEM;

	if (port->parent) {
		list_add_tail(&port->sibling,
			      &fakeib_port(port->parent)->children);
		if (!memchr_inv(dev->dev_addr, 0, INFINIBAND_ALEN))
			__dev_addr_set(dev, port->parent->dev_addr,
				       INFINIBAND_ALEN);
	}
	set_queue_pair(dev);

	dev->mtu = FAKEIB_GROUP_MTU;
	port->pkey |= FAKEIB_FULL_MEMBER;
	dev->broadcast[FAKEIB_PKEY_OFFSET] = port->pkey >> 8;
	dev->broadcast[FAKEIB_PKEY_OFFSET + 1] = port->pkey & 0xff;
	return 0;
}

static void fakeib_uninit_dev(struct net_device *dev)
{
	struct fakeib_port *port = fakeib_port(dev);

	if (port->parent)
		list_del(&port->sibling);
	free_percpu(dev->tstats);
	dev->tstats = NULL;
}

/* Children go up and down with their port, as ipoib_open() does it. */
static void set_children_up(struct fakeib_port *port, bool up)
{
	struct fakeib_port *child;

	list_for_each_entry(child, &port->children, sibling) {
		unsigned int flags = child->dev->flags;

		if (!!(flags & IFF_UP) == up)
			continue;
		dev_change_flags(child->dev, flags ^ IFF_UP, NULL);
	}
}

static int fakeib_open(struct net_device *dev)
{
	struct fakeib_port *port = fakeib_port(dev);

	fakeib_fabric_join(port);
	netif_start_queue(dev);
	netif_carrier_on(dev);
	set_children_up(port, true);
	return 0;
}

static int fakeib_stop(struct net_device *dev)
{
	struct fakeib_port *port = fakeib_port(dev);

	netif_stop_queue(dev);
	netif_carrier_off(dev);
	fakeib_fabric_leave(port);
	set_children_up(port, false);
	return 0;
}

/* ipoib_change_mtu() */
static int fakeib_change_mtu(struct net_device *dev, int new_mtu)
{
	const int min = ETH_MIN_MTU + sizeof(struct fakeib_header);

	/* The core has the limit of connected mode: dev->max_mtu. */
	if (!fakeib_port(dev)->connected &&
	    (new_mtu < min || new_mtu > FAKEIB_DATAGRAM_MTU))
		return -EINVAL;

	WRITE_ONCE(dev->mtu, new_mtu);
	return 0;
}

/*
 * ipoib_set_mode(): each mode brings its MTU.  Nothing is done, and the MTU
 * is kept, if the mode is the one already set.
 */
int fakeib_set_mode(struct net_device *dev, bool connected)
{
	struct fakeib_port *port = fakeib_port(dev);

	ASSERT_RTNL();
	if (port->connected == connected)
		return 0;

	port->connected = connected;
	if (connected)
		return dev_set_mtu(dev, FAKEIB_CONNECTED_MTU);
	return dev_set_mtu(dev, min_t(int, dev->mtu, FAKEIB_GROUP_MTU));
}

static void set_guid(struct net_device *dev, const u8 *guid)
{
	struct fakeib_port *child;

	netif_addr_lock_bh(dev);
	dev_addr_mod(dev, FAKEIB_GUID_OFFSET, guid, FAKEIB_GUID_LEN);
	netif_addr_unlock_bh(dev);

	list_for_each_entry(child, &fakeib_port(dev)->children, sibling)
		set_guid(child->dev, guid);
}

/*
 * ipoib_set_mac(): of the address only the GUID can be changed, only while
 * the device is down, and never by a guest: ipoib_netdev_ops_vf has no
 * ndo_set_mac_address.
 */
static int fakeib_set_mac_address(struct net_device *dev, void *p)
{
	const struct sockaddr_storage *ss = p;
	const u8 *addr = (const u8 *)ss->__data;

	if (fakeib_port(dev)->role == FAKEIB_VF)
		return -EOPNOTSUPP;
	if (netif_running(dev))
		return -EBUSY;
	if (memcmp(dev->dev_addr, addr, FAKEIB_GUID_OFFSET) ||
	    !memchr_inv(addr + FAKEIB_GUID_OFFSET, 0, FAKEIB_GUID_LEN))
		return -EINVAL;

	set_guid(dev, addr + FAKEIB_GUID_OFFSET);
	return 0;
}

/* Without it, no multicast address could be added to the device. */
static void fakeib_set_rx_mode(struct net_device *dev)
{
}

static int fakeib_get_iflink(const struct net_device *dev)
{
	const struct net_device *parent = fakeib_port(dev)->parent;

	return parent ? parent->ifindex : dev->ifindex;
}

static const struct net_device_ops fakeib_netdev_ops = {
	.ndo_init		= fakeib_init_dev,
	.ndo_uninit		= fakeib_uninit_dev,
	.ndo_open		= fakeib_open,
	.ndo_stop		= fakeib_stop,
	.ndo_start_xmit		= fakeib_fabric_xmit,
	.ndo_change_mtu		= fakeib_change_mtu,
	.ndo_set_mac_address	= fakeib_set_mac_address,
	.ndo_set_rx_mode	= fakeib_set_rx_mode,
	.ndo_get_iflink		= fakeib_get_iflink,
	.ndo_get_stats64	= dev_get_tstats64,
	.ndo_set_vf_guid	= fakeib_set_vf_guid,
	.ndo_get_vf_guid	= fakeib_get_vf_guid,
	.ndo_set_vf_link_state	= fakeib_set_vf_link_state,
	.ndo_get_vf_config	= fakeib_get_vf_config,
};

/* ipoib_hard_header() */
static int fakeib_hard_header(struct sk_buff *skb, struct net_device *dev,
			      unsigned short type, const void *daddr,
			      const void *saddr, unsigned int len)
{
	struct fakeib_header *header;

	header = skb_push(skb, sizeof(*header));
	header->proto = htons(type);
	header->reserved = 0;

	memcpy(skb_push(skb, INFINIBAND_ALEN), daddr ?: dev->broadcast,
	       INFINIBAND_ALEN);
	return FAKEIB_HARD_LEN;
}

static const struct header_ops fakeib_header_ops = {
	.create	= fakeib_hard_header,
};

static void fakeib_get_drvinfo(struct net_device *dev,
			       struct ethtool_drvinfo *info)
{
	strscpy(info->driver, "ib_ipoib", sizeof(info->driver));
	if (dev->dev.parent)
		strscpy(info->bus_info, dev_name(dev->dev.parent),
			sizeof(info->bus_info));
}

static const struct ethtool_ops fakeib_ethtool_ops = {
	.get_drvinfo	= fakeib_get_drvinfo,
	.get_link	= ethtool_op_get_link,
};

/* ipoib_setup_common() */
void fakeib_port_setup(struct net_device *dev)
{
	struct fakeib_port *port = fakeib_port(dev);

	dev->netdev_ops = &fakeib_netdev_ops;
	dev->header_ops = &fakeib_header_ops;
	dev->ethtool_ops = &fakeib_ethtool_ops;
	dev->rtnl_link_ops = &fakeib_link_ops;
	dev->sysfs_groups[0] = &fakeib_sysfs_group;
	dev->needs_free_netdev = true;

	dev->type = ARPHRD_INFINIBAND;
	dev->addr_len = INFINIBAND_ALEN;
	dev->hard_header_len = FAKEIB_HARD_LEN;
	dev->tx_queue_len = 256;
	dev->flags |= IFF_BROADCAST | IFF_MULTICAST;
	dev->features = NETIF_F_VLAN_CHALLENGED | NETIF_F_HIGHDMA;
	dev->mtu = FAKEIB_GROUP_MTU;
	dev->min_mtu = 0;
	dev->max_mtu = FAKEIB_CONNECTED_MTU;
	memcpy(dev->broadcast, broadcast_addr, INFINIBAND_ALEN);
	netif_keep_dst(dev);
	netif_carrier_off(dev);

	port->dev = dev;
	port->pkey = FAKEIB_DEFAULT_PKEY;
	INIT_LIST_HEAD(&port->children);
	INIT_LIST_HEAD(&port->sibling);
	INIT_LIST_HEAD(&port->fabric_node);
}

/*
 * A port of the HCA @parent, which may be NULL.  Every HCA here has one
 * port, so dev_port and dev_id stay 0, as ipoib_parent_init() has it.
 */
struct net_device *fakeib_port_add(struct device *parent, u64 guid,
				   enum fakeib_role role)
{
	const __be64 raw = cpu_to_be64(guid);
	u8 addr[INFINIBAND_ALEN];
	struct net_device *dev;
	int err;

	dev = alloc_netdev(sizeof(struct fakeib_port), "ib%d",
			   NET_NAME_UNKNOWN, fakeib_port_setup);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	fakeib_port(dev)->role = role;

	memcpy(addr, unicast_addr, INFINIBAND_ALEN);
	memcpy(addr + FAKEIB_GUID_OFFSET, &raw, FAKEIB_GUID_LEN);
	__dev_addr_set(dev, addr, INFINIBAND_ALEN);
	SET_NETDEV_DEV(dev, parent);

	err = register_netdev(dev);
	if (err) {
		free_netdev(dev);
		return ERR_PTR(err);
	}
	return dev;
}

/*
 * Take a port away with its children, as ipoib_remove_one() does.  Children
 * come first, so that they are down before fakeib_stop() of the port looks.
 */
void fakeib_port_remove(struct net_device *dev)
{
	struct fakeib_port *child;
	LIST_HEAD(gone);

	rtnl_lock();
	list_for_each_entry(child, &fakeib_port(dev)->children, sibling)
		unregister_netdevice_queue(child->dev, &gone);
	unregister_netdevice_queue(dev, &gone);
	unregister_netdevice_many(&gone);
	rtnl_unlock();
}
