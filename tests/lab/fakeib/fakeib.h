/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fakeib - network devices that look like IPoIB ports, for tests
 *
 * Nothing here talks to an HCA or to ib_core.  What user space sees of an
 * IPoIB port (netlink, sysfs, ARP, ND, P_Key children, the GUIDs of virtual
 * functions) is imitated after drivers/infiniband/ulp/ipoib.
 */
#ifndef FAKEIB_H
#define FAKEIB_H

#include <linux/if_infiniband.h>
#include <linux/if_link.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/types.h>
#include <net/rtnetlink.h>

/*
 * The 20 octets of an IPoIB address: flags, the number of the queue pair
 * (3 octets), then the GID: subnet prefix (8) and port GUID (8).
 */
#define FAKEIB_QPN_OFFSET	1
#define FAKEIB_GID_OFFSET	4
#define FAKEIB_PKEY_OFFSET	8	/* in a multicast GID (RFC 4391) */
#define FAKEIB_GUID_OFFSET	12
#define FAKEIB_GUID_LEN		8

/* The IPoIB header; the destination is kept in front of it while sending. */
struct fakeib_header {
	__be16	proto;
	u16	reserved;
};

#define FAKEIB_HARD_LEN		(INFINIBAND_ALEN + sizeof(struct fakeib_header))

#define FAKEIB_GROUP_MTU	2044	/* of the broadcast group: 2048 - 4 */
#define FAKEIB_DATAGRAM_MTU	4092	/* of the port: 4096 - 4 */
#define FAKEIB_CONNECTED_MTU	65520

#define FAKEIB_FULL_MEMBER	0x8000
#define FAKEIB_DEFAULT_PKEY	0xffff

#define FAKEIB_MAX_VFS		8

/* What a port stands on, see main.c, pf.c and vf.c. */
enum fakeib_role {
	FAKEIB_PEER,			/* no PCI device */
	FAKEIB_PF,
	FAKEIB_VF,
};

/* How a P_Key child was made; user space sees a difference, see sysfs.c. */
enum fakeib_child_type {
	FAKEIB_NOT_A_CHILD,
	FAKEIB_LEGACY_CHILD,		/* echo 0x8001 > create_child */
	FAKEIB_RTNL_CHILD,		/* ip link add ... type ipoib */
};

/* What a physical function holds for one of its virtual functions. */
struct fakeib_vf_state {
	u64	node_guid;
	u64	port_guid;
	int	link_state;		/* IFLA_VF_LINK_STATE_* */
};

/* All fields but @fabric_node are protected by RTNL. */
struct fakeib_port {
	struct net_device	*dev;
	struct list_head	fabric_node;	/* RCU; linked while up */

	u16			pkey;
	bool			connected;
	bool			umcast;
	enum fakeib_role	role;

	struct net_device	*parent;	/* of a P_Key child */
	enum fakeib_child_type	child_type;
	struct list_head	children;	/* of a port: their @sibling */
	struct list_head	sibling;

	struct fakeib_vf_state	vfs[FAKEIB_MAX_VFS];	/* of a PF */
};

static inline struct fakeib_port *fakeib_port(const struct net_device *dev)
{
	return netdev_priv(dev);
}

/* port.c */
void fakeib_port_setup(struct net_device *dev);
struct net_device *fakeib_port_add(struct device *parent, u64 guid,
				   enum fakeib_role role);
void fakeib_port_remove(struct net_device *dev);
u64 fakeib_made_up_guid(void);
int fakeib_set_mode(struct net_device *dev, bool connected);

/* fabric.c */
void fakeib_fabric_join(struct fakeib_port *port);
void fakeib_fabric_leave(struct fakeib_port *port);
netdev_tx_t fakeib_fabric_xmit(struct sk_buff *skb, struct net_device *dev);

/* sysfs.c */
extern const struct attribute_group fakeib_sysfs_group;

/* child.c */
extern struct rtnl_link_ops fakeib_link_ops;
int fakeib_child_create(struct net_device *parent, int pkey);
int fakeib_child_delete(struct net_device *parent, int pkey);

/* pf.c */
int fakeib_set_vf_guid(struct net_device *dev, int vf, u64 guid, int type);
int fakeib_get_vf_guid(struct net_device *dev, int vf,
		       struct ifla_vf_guid *node_guid,
		       struct ifla_vf_guid *port_guid);
int fakeib_set_vf_link_state(struct net_device *dev, int vf, int state);
int fakeib_get_vf_config(struct net_device *dev, int vf,
			 struct ifla_vf_info *info);
ssize_t fakeib_vf_guids_print(struct net_device *dev, char *buf);
int fakeib_pf_init(void);
void fakeib_pf_exit(void);

/* vf.c */
int fakeib_vf_init(void);
void fakeib_vf_exit(void);

#endif /* FAKEIB_H */
