#!/usr/bin/env bash
# Builds the User-Mode Linux kernel of the Bluetooth and the AppArmor lab out of Debian's linux-source package.
#   uml_kernel.sh SOURCE.tar.xz SCRATCH KERNEL      about 8 minutes of CPU and 2 GB in SCRATCH
# Wants gcc, make, flex, bison, bc and xz. Everything is built in: the guest loads no modules.
set -euo pipefail
source_archive=$1 scratch=$2 kernel=$3

wanted=(
  BT BT_LE BT_BREDR BT_HCIVHCI                                     # the stack, and a radio made by a program
  CRYPTO_USER_API_HASH CRYPTO_USER_API_SKCIPHER CRYPTO_CMAC CRYPTO_ECDH CRYPTO_AES CRYPTO_ECB
  HOSTFS TMPFS TMPFS_XATTR DEVTMPFS PROC_FS SYSFS                  # the guest's root is the host's
  UNIX INET IPV6 EPOLL SIGNALFD TIMERFD EVENTFD INOTIFY_USER MAGIC_SYSRQ # for D-Bus, Python and power-off
  MULTIUSER SECURITY SECURITYFS SECURITY_NETWORK SECURITY_PATH     # AppArmor
  SECURITY_APPARMOR DEFAULT_SECURITY_APPARMOR AUDIT
  NAMESPACES UTS_NS IPC_NS PID_NS NET_NS OVERLAY_FS                # a container
  PACKET MODULES                                                   # what attacks ask for; no module is built
)
unwanted=(
  CGROUPS SOUND WLAN SWAP UHID DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT BT_RFCOMM BT_BNEP BT_HIDP
  HID HID_SUPPORT ETHERNET UML_NET QUOTA FTRACE BLK_DEV EXT4_FS REISERFS_FS # costs time and is not used
)
needed=(BT BT_LE BT_HCIVHCI HOSTFS UNIX SECURITY_APPARMOR SECURITYFS AUDIT OVERLAY_FS PID_NS)

mkdir -p "$scratch"
tar --extract --file "$source_archive" --directory "$scratch" --strip-components=1
cd "$scratch"
make --silent ARCH=um defconfig
for option in "${wanted[@]}"; do scripts/config --enable "$option"; done
for option in "${unwanted[@]}"; do scripts/config --disable "$option"; done
scripts/config --enable DEBUG_INFO_NONE --set-str LSM capability,apparmor
make --silent ARCH=um olddefconfig
for option in "${needed[@]}"; do
  grep --quiet "^CONFIG_$option=y" .config || { echo "CONFIG_$option cannot be built in" >&2; exit 1; }
done
make --silent ARCH=um --jobs="$(nproc)" linux
strip --output-target=elf64-x86-64 -o "$kernel.partial" linux
mv "$kernel.partial" "$kernel"
