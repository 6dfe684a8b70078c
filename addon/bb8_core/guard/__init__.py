"""A second process that ends the Bluetooth link when the bridge dies or freezes while the robot moves."""
