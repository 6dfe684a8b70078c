#!/usr/bin/env bash
# Builds the Bluetooth lab's User-Mode Linux kernel out of Debian's linux-source package.
#   uml_kernel.sh SOURCE.tar.xz SCRATCH KERNEL      about 8 minutes of CPU and 2 GB in SCRATCH
# Wants gcc, make, flex, bison, bc and xz. Everything is built in: the guest loads no modules.
set -euo pipefail
source_archive=$1 scratch=$2 kernel=$3

wanted=(
  BT BT_LE BT_BREDR BT_HCIVHCI                                     # the stack, and a radio made by a program
  CRYPTO_USER_API_HASH CRYPTO_USER_API_SKCIPHER CRYPTO_CMAC CRYPTO_ECDH CRYPTO_AES CRYPTO_ECB
  HOSTFS TMPFS TMPFS_XATTR DEVTMPFS PROC_FS SYSFS                  # the guest's root is the host's
  UNIX INET EPOLL SIGNALFD TIMERFD EVENTFD INOTIFY_USER MAGIC_SYSRQ # what D-Bus, Python and power-off need
)
unwanted=(MODULES CGROUPS SOUND WLAN SWAP UHID DEBUG_INFO BT_RFCOMM BT_BNEP BT_HIDP)

mkdir -p "$scratch"
tar --extract --file "$source_archive" --directory "$scratch" --strip-components=1
cd "$scratch"
make --silent ARCH=um defconfig
for option in "${wanted[@]}"; do scripts/config --enable "$option"; done
for option in "${unwanted[@]}"; do scripts/config --disable "$option"; done
scripts/config --enable DEBUG_INFO_NONE
make --silent ARCH=um olddefconfig
for option in BT BT_LE BT_HCIVHCI HOSTFS UNIX; do
  grep --quiet "^CONFIG_$option=y" .config || { echo "CONFIG_$option cannot be built in" >&2; exit 1; }
done
make --silent ARCH=um --jobs="$(nproc)" linux
strip --output-target=elf64-x86-64 -o "$kernel.partial" linux
mv "$kernel.partial" "$kernel"
