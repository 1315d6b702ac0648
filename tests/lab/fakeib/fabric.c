// SPDX-License-Identifier: GPL-2.0
/*
 * fakeib - the fabric: a hub that all ports of this kernel hang on, whatever
 * network namespace they are in.
 *
 * What an InfiniBand subnet does with P_Keys and GIDs is done here with a
 * list: a packet reaches the ports of its own P_Key only, a unicast packet
 * the one that has the GID of the destination, a multicast packet all.
 * Queue pair numbers are not compared.
 */
#include <linux/netdevice.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>

#include "fakeib.h"

static LIST_HEAD(fabric);	/* changed under RTNL, read under RCU */

void fakeib_fabric_join(struct fakeib_port *port)
{
	ASSERT_RTNL();
	list_add_tail_rcu(&port->fabric_node, &fabric);
}

void fakeib_fabric_leave(struct fakeib_port *port)
{
	ASSERT_RTNL();
	list_del_rcu(&port->fabric_node);
	synchronize_net();
}

static bool is_multicast(const u8 *addr)
{
	return addr[FAKEIB_GID_OFFSET] == 0xff;
}

static bool same_gid(const u8 *a, const u8 *b)
{
	return !memcmp(a + FAKEIB_GID_OFFSET, b + FAKEIB_GID_OFFSET,
		       INFINIBAND_ALEN - FAKEIB_GID_OFFSET);
}

/* ipoib_ib_handle_rx_wc(): the address is not received, only its kind. */
static void deliver(struct net_device *to, const struct sk_buff *sent)
{
	const struct net_device *from = sent->dev;
	const struct fakeib_header *header;
	struct sk_buff *skb;
	unsigned int len;

	skb = skb_copy(sent, GFP_ATOMIC);
	if (!skb) {
		dev_core_stats_rx_dropped_inc(to);
		return;
	}

	skb_scrub_packet(skb, !net_eq(dev_net(from), dev_net(to)));
	if (!is_multicast(skb->data))
		skb->pkt_type = PACKET_HOST;
	else if (same_gid(skb->data, to->broadcast))
		skb->pkt_type = PACKET_BROADCAST;
	else
		skb->pkt_type = PACKET_MULTICAST;

	header = (const void *)(skb->data + INFINIBAND_ALEN);
	skb->dev = to;
	skb->protocol = header->proto;
	skb->ip_summed = CHECKSUM_NONE;
	memset(skb->data, 0, INFINIBAND_ALEN);
	skb_reset_mac_header(skb);
	skb_pull(skb, FAKEIB_HARD_LEN);
	skb_reset_network_header(skb);

	len = skb->len;
	if (netif_rx(skb) == NET_RX_SUCCESS)
		dev_sw_netstats_rx_add(to, len);
}

netdev_tx_t fakeib_fabric_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct fakeib_port *to, *from = fakeib_port(dev);

	if (!pskb_may_pull(skb, FAKEIB_HARD_LEN)) {
		dev_core_stats_tx_dropped_inc(dev);
		dev_kfree_skb_any(skb);
		return NETDEV_TX_OK;
	}

	rcu_read_lock();
	list_for_each_entry_rcu(to, &fabric, fabric_node) {
		if (to == from || to->pkey != from->pkey)
			continue;
		if (is_multicast(skb->data) ||
		    same_gid(skb->data, to->dev->dev_addr))
			deliver(to->dev, skb);
	}
	rcu_read_unlock();

	dev_sw_netstats_tx_add(dev, 1, skb->len - INFINIBAND_ALEN);
	dev_consume_skb_any(skb);
	return NETDEV_TX_OK;
}
