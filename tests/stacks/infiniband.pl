# Creates a link of type InfiniBand without hardware: infiniband.pl NAME
# It has a carrier while this process lives, which is until its namespace ends.
use strict;
use warnings;
my ($TUNSETIFF, $TUNSETLINK) = (0x400454ca, 0x400454cd);
my ($IFF_TUN_WITHOUT_HEADER, $ARPHRD_INFINIBAND) = (0x1001, 32);
open(my $tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
ioctl($tun, $TUNSETIFF, pack('a16 S x22', $ARGV[0], $IFF_TUN_WITHOUT_HEADER)) or die "TUNSETIFF: $!\n";
ioctl($tun, $TUNSETLINK, $ARPHRD_INFINIBAND) or die "TUNSETLINK: $!\n";
exit if fork;
close(STDOUT);
close(STDERR);
sleep while 1;
