"""The Bluetooth adapter: scanning, connecting and naming the causes of failures, with bleak and BlueZ."""
