ETH0_IP='10.0.0.1'; reboot
