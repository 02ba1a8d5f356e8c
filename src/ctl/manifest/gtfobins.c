/* SPDX-License-Identifier: MIT */
/* Programs that give away more than their name says. */

#include "ctl/manifest/gtfobins.h"

#include <stdio.h>

#define S GTFO_SHELL
#define W GTFO_WRITE
#define R GTFO_READ

/* Sorted by bytes, for bsearch(). */
/* clang-format off */
static const struct Row {
        const char *name;
        unsigned functions;
} rows[] = {
        { "7z", S | W | R }, { "R", S }, { "Rscript", S }, { "aa-exec", S }, { "ab", R }, { "acr", S },
        { "addr2line", R }, { "agetty", S | R }, { "alpine", S }, { "alpine-pico", S }, { "anacron", S },
        { "ansible", S }, { "ansible-console", S }, { "ansible-playbook", S }, { "ansible-pull", S },
        { "ansible-test", S }, { "ant", S }, { "aoss", S }, { "apache2", R }, { "apache2ctl", S },
        { "apt", S }, { "apt-get", S }, { "aptitude", S }, { "ar", W }, { "arch-nspawn", S },
        { "aria2c", S | W }, { "arj", W }, { "arp", R }, { "arptables", W }, { "as", W | R },
        { "ascii-xfr", W }, { "ascii85", R }, { "ash", S }, { "aspell", R }, { "at", S | W },
        { "atobm", R }, { "autoconf", S }, { "autoheader", S }, { "autoreconf", S }, { "awk", S | R },
        { "aws", S }, { "axel", W }, { "b2sum", R }, { "base32", W | R }, { "base58", W | R },
        { "base64", W | R }, { "basenc", W | R }, { "basez", W | R }, { "bash", S | R }, { "bashbug", S },
        { "batcat", S | R }, { "batch", S | W }, { "bazel", S }, { "bbot", S }, { "bc", R },
        { "bconsole", S }, { "bee", S }, { "borg", S }, { "borgmatic", S }, { "bpftrace", S },
        { "brctl", W }, { "bridge", R }, { "btrfs", W }, { "buildah", S }, { "bun", S }, { "bundle", S },
        { "bundler", S }, { "bunx", S }, { "busctl", S }, { "busybox", S | W | R }, { "bwrap", S },
        { "byebug", S }, { "bzcat", R }, { "bzip2", W | R }, { "bzr", S }, { "c89", S }, { "c99", S },
        { "cabal", S }, { "capsh", S }, { "cargo", S }, { "cat", W | R }, { "catchsegv", S }, { "cc", S },
        { "cdist", S }, { "certbot", S }, { "cfdisk", W }, { "cft", S }, { "cgcreate", S }, { "cgexec", S },
        { "chattr", W }, { "check_by_ssh", S }, { "check_cups", S }, { "check_log", S },
        { "check_memory", S }, { "check_raid", S }, { "check_ssl_cert", S }, { "check_statusfile", S },
        { "chef-client", S }, { "chfn", W }, { "chgrp", W }, { "chmod", W }, { "choom", S }, { "chown", W },
        { "chpasswd", W }, { "chroot", S }, { "chrt", S }, { "chsh", W }, { "cksum", R }, { "clamscan", R },
        { "clang", S }, { "clang++", S }, { "cmake", S }, { "cmp", R }, { "cobc", S | W }, { "code", S },
        { "codex", S }, { "column", R }, { "comm", R }, { "composer", S }, { "convert", S },
        { "cowsay", S }, { "cowthink", S }, { "cp", W | R }, { "cpan", S }, { "cpio", S | W | R },
        { "cpp", S }, { "cpulimit", S }, { "crash", S }, { "crictl", S }, { "crontab", S | W },
        { "cryptsetup", W }, { "csh", S }, { "csplit", W | R }, { "csvtool", S | W }, { "ctest", S },
        { "ctr", S }, { "cupsfilter", R }, { "curl", W | R }, { "cut", W | R }, { "cvs", S },
        { "darcs", S }, { "dash", S }, { "date", W | R }, { "dc", S }, { "dconf", W }, { "dd", W | R },
        { "debconf-set-selections", W }, { "debugfs", S | R }, { "deno", S }, { "depmod", W },
        { "dhclient", S }, { "dialog", S | R }, { "diff", R }, { "diff3", R }, { "dig", R },
        { "distcc", S }, { "dmesg", S | R }, { "dmidecode", R }, { "dmsetup", S | W }, { "dnf", S },
        { "dnsmasq", S | R }, { "doas", S }, { "docker", S }, { "dos2unix", W }, { "dosbox", W },
        { "dotnet", S }, { "dpkg", S }, { "dstat", S }, { "dump", W }, { "dumpcap", W }, { "duplicity", S },
        { "dvips", S }, { "easy_install", S }, { "easyrsa", S }, { "eb", S }, { "ebtables", W },
        { "ed", S | W | R }, { "efax", R }, { "efibootmgr", W }, { "egrep", R }, { "elinks", S },
        { "elvish", S }, { "emacs", S | W }, { "emacsclient", S }, { "enscript", S }, { "entr", S },
        { "env", S }, { "eqn", R }, { "espeak", R }, { "ethtool", W }, { "ex", S | W },
        { "exiftool", S | W | R }, { "expand", W | R }, { "expect", S }, { "expectk", S }, { "fab", S },
        { "facter", S }, { "fakeroot", S }, { "fallocate", W }, { "fastfetch", S }, { "fdisk", W },
        { "ffmpeg", S | W }, { "fgrep", R }, { "file", R }, { "find", S }, { "findmnt", R },
        { "finger", R }, { "firejail", S }, { "fish", S }, { "flatpak", S }, { "flock", S }, { "fmt", R },
        { "fold", W | R }, { "forge", S }, { "fossil", S }, { "fping", R }, { "ftp", S | W },
        { "fuser", R }, { "fwupdmgr", W }, { "fzf", S }, { "g++", S }, { "gawk", S | R }, { "gcc", S },
        { "gcloud", S }, { "gcore", W | R }, { "gdb", S | W }, { "gem", S }, { "genie", S },
        { "genisoimage", W | R }, { "ghc", S }, { "ghci", S }, { "ghostscript", S }, { "gimp", S | W },
        { "ginsh", S }, { "git", S | W }, { "gitk", S }, { "gnuplot", S }, { "go", S },
        { "gpg", S | W | R }, { "gpg2", W }, { "gradle", S }, { "grc", S }, { "grep", R }, { "groovy", S },
        { "groupadd", W }, { "grub-install", W }, { "gs", S }, { "gsettings", W }, { "gtester", S },
        { "guestfish", S }, { "guile", S }, { "guix", S }, { "gvim", S }, { "gzip", W | R }, { "hd", R },
        { "head", R }, { "helm", S }, { "hexdump", R }, { "hexedit", W }, { "hg", S }, { "highlight", R },
        { "host", R }, { "hostname", W }, { "hostnamectl", W }, { "hping3", S | R }, { "hwclock", W },
        { "i386", S }, { "iconv", S | W | R }, { "identify", S }, { "ifconfig", W }, { "iftop", S },
        { "incron", S }, { "incrontab", S }, { "incus", S }, { "initcat", S }, { "inotifywait", S },
        { "insmod", W }, { "install", W }, { "invoke", S }, { "ion", S }, { "ionice", S },
        { "ip", S | W | R }, { "ip6tables", W }, { "ipset", W }, { "iptables", W }, { "ipython", S },
        { "ipython3", S }, { "irb", S }, { "irb2", S }, { "irssi", S }, { "ispell", S }, { "java", S },
        { "javac", S }, { "jdb", S }, { "jjs", S }, { "joe", S | W }, { "join", R },
        { "journalctl", S | R }, { "jq", S | W | R }, { "jrunscript", S }, { "jshell", S }, { "julia", S },
        { "jupyter", S }, { "kmod", W }, { "kotlin", S }, { "kotlinc", S }, { "kramdown", R }, { "ksh", S },
        { "ksh93", S }, { "ksshell", S }, { "kubectl", S }, { "kustomize", S }, { "latex", S },
        { "latexmk", S }, { "ld", W | R }, { "ld-linux", S }, { "ld-linux-x86-64", S }, { "ld.so", S },
        { "ldconfig", W }, { "ldd", R }, { "less", S | R }, { "lftp", S | W }, { "links", S | R },
        { "links2", S }, { "linux32", S }, { "linux64", S }, { "lksh", S }, { "lldb", S }, { "ln", W },
        { "localectl", W }, { "logger", W | R }, { "loginctl", S }, { "logrotate", S },
        { "logsave", S | W }, { "look", R }, { "losetup", W }, { "lp", R }, { "lsof", R }, { "ltrace", S },
        { "lua", S }, { "luajit", S }, { "lualatex", S | R }, { "luatex", S }, { "lvcreate", W },
        { "lvm", W }, { "lwp-download", W }, { "lwp-request", R }, { "lxc", S }, { "lxd", S },
        { "lynx", S }, { "lz4", W }, { "lzcat", R }, { "lzless", R }, { "lzma", W }, { "m4", R },
        { "machinectl", S }, { "magick", S }, { "mail", S }, { "mail.mailutils", S }, { "mailx", S },
        { "make", S }, { "man", S | R }, { "mariadb", W }, { "masscan", S }, { "mawk", S | R },
        { "mc", S | W }, { "md5sum", R }, { "mdadm", W }, { "mdbook", R }, { "meson", S }, { "minicom", S },
        { "mkdir", W }, { "mke2fs", W }, { "mkfifo", W }, { "mkfs", W }, { "mkisofs", W }, { "mknod", W },
        { "mksh", S }, { "mktemp", W }, { "modprobe", W }, { "mogrify", S }, { "mongo", W },
        { "mongosh", W }, { "mono", S }, { "more", S | R }, { "mosh", S }, { "mosh-server", S },
        { "mosquitto", R }, { "mount", W }, { "msfconsole", S }, { "msgattrib", R }, { "msgcat", R },
        { "msgconv", R }, { "msgfilter", S }, { "msgmerge", R }, { "msguniq", R }, { "mtr", W | R },
        { "multitime", S }, { "mutt", S }, { "mv", W }, { "mvn", S }, { "mycli", S }, { "mypy", S },
        { "mysql", S | W }, { "mysqldump", W }, { "nano", S | W }, { "nasm", W | R }, { "nawk", S },
        { "nc", S }, { "nc.openbsd", S }, { "nc.traditional", S }, { "ncat", S }, { "ncdu", S },
        { "ncftp", S }, { "needrestart", S }, { "neofetch", S }, { "neomutt", S }, { "nerdctl", S },
        { "nft", S | W | R }, { "nginx", S }, { "nice", S }, { "ninja", S }, { "nix", S },
        { "nix-build", S }, { "nix-shell", S }, { "nl", W | R }, { "nm", R }, { "nmap", S | W | R },
        { "node", S }, { "nodejs", S }, { "nohup", S }, { "nox", S }, { "npm", S }, { "npx", S },
        { "nroff", S }, { "nsenter", S }, { "ntpdate", R }, { "nu", S }, { "numactl", S },
        { "nvim", S | W }, { "objcopy", W | R }, { "objdump", R }, { "obs", R }, { "ocaml", S },
        { "octave", S }, { "od", R }, { "oksh", S }, { "openssl", S | W | R }, { "openvpn", S },
        { "openvt", S }, { "opkg", S }, { "packer", S }, { "pandoc", S | R }, { "parallel", S },
        { "parted", W }, { "passwd", W }, { "paste", R }, { "patch", W }, { "pax", S | W }, { "pcap", W },
        { "pdb", S }, { "pdflatex", S }, { "pdftex", S }, { "pdftotext", R }, { "perf", S }, { "perl", S },
        { "perlbug", S }, { "personality", S }, { "pexec", S }, { "pg", S }, { "pg_dump", W }, { "php", S },
        { "php-fpm", S }, { "pic", S }, { "pico", S | W }, { "pidstat", S }, { "pijul", S }, { "pine", S },
        { "pip", S }, { "pip3", S }, { "pipx", S }, { "pkexec", S }, { "pkg", S }, { "plymouth", R },
        { "pmap", S }, { "pnpm", S }, { "podman", S }, { "poetry", S }, { "posh", S }, { "pr", W | R },
        { "prlimit", S }, { "pry", S }, { "psad", R }, { "psftp", S }, { "psql", S | W }, { "ptx", R },
        { "puppet", S }, { "pwsh", S }, { "py3versions", R }, { "pygmentize", S }, { "pyright", S },
        { "pytest", S }, { "python", S }, { "python2", S }, { "python3", S }, { "qemu", S },
        { "qemu-system", S }, { "qpdf", R }, { "rake", S }, { "raku", S }, { "ranger", S | W },
        { "rbash", S }, { "rc", S }, { "rclone", S }, { "readelf", R }, { "red", S | W },
        { "redcarpet", S }, { "redis-cli", S | W }, { "rename", W }, { "restic", S | R }, { "restore", W },
        { "rev", W | R }, { "rexec", S }, { "rlogin", S }, { "rlwrap", S }, { "rm", W }, { "rmdir", W },
        { "rmmod", W }, { "roff", S }, { "route", W }, { "rpm", S }, { "rpmdb", S }, { "rpmquery", S },
        { "rpmverify", S }, { "rscript", S }, { "rsync", S | W | R }, { "rsyslogd", S }, { "rtorrent", S },
        { "ruby", S }, { "ruby2", S }, { "run-mailcap", S }, { "run-parts", S }, { "runscript", S },
        { "runuser", S }, { "rustc", S }, { "rustup", S }, { "rview", S | R }, { "rvim", S }, { "salt", S },
        { "salt-call", S }, { "salt-ssh", S }, { "sash", S }, { "scala", S }, { "scanmem", S | R },
        { "scp", S | W }, { "screen", S | W }, { "script", S | W }, { "scriptreplay", R }, { "scrot", S },
        { "sed", S | W | R }, { "service", S }, { "setarch", S }, { "setcap", W }, { "setfacl", W },
        { "setlock", S }, { "setpriv", S }, { "setsid", S }, { "sfdisk", W }, { "sftp", S | W },
        { "sg", S }, { "sh", S }, { "sha1sum", R }, { "sha256sum", R }, { "sha512sum", R }, { "shred", W },
        { "shuf", S | R }, { "size", R }, { "skopeo", S }, { "slsh", S }, { "smbclient", S }, { "snap", S },
        { "socat", S }, { "socket", S }, { "sodo", S }, { "soelim", R }, { "softlimit", S },
        { "sort", W | R }, { "sox", W }, { "split", S | W | R }, { "sponge", W }, { "sqlcmd", W },
        { "sqlite3", S | W | R }, { "sqlmap", S }, { "ss", R }, { "ssh", S }, { "ssh-agent", S },
        { "ssh-copy-id", S }, { "ssh-keygen", S | W | R }, { "ssh-keyscan", R }, { "sshfs", S },
        { "sshpass", S }, { "sshuttle", S }, { "start-stop-daemon", S }, { "stat", R }, { "stdbuf", S },
        { "strace", S }, { "strings", W | R }, { "strip", W }, { "su", S }, { "sudo", S },
        { "sudoedit", S }, { "sum", R }, { "super", S }, { "sux", S }, { "svn", S }, { "swapoff", W },
        { "swapon", W }, { "symlinks", W }, { "sysctl", S | W | R }, { "systemctl", S },
        { "systemd-inhibit", S }, { "systemd-notify", W }, { "systemd-nspawn", S },
        { "systemd-resolve", S }, { "systemd-run", S }, { "systemd-tmpfiles", W }, { "tac", R },
        { "tail", R }, { "tar", S | W | R }, { "task", S }, { "taskset", S }, { "tasksh", S }, { "tbl", R },
        { "tc", W }, { "tclsh", S }, { "tclsh8", S }, { "tcpdump", S | W | R }, { "tcsh", S },
        { "tdbtool", S }, { "tee", W | R }, { "telnet", S }, { "terraform", S }, { "tex", S },
        { "tftp", S | W }, { "tic", R }, { "tig", S }, { "time", S }, { "timedatectl", S | W },
        { "timeout", S }, { "tmate", S }, { "tmux", S }, { "tnftp", S }, { "touch", W }, { "tox", S },
        { "toybox", S | W }, { "troff", R }, { "truncate", W }, { "ts", S }, { "tshark", S | W | R },
        { "ul", W | R }, { "umount", W }, { "unbuffer", S }, { "unexpand", R }, { "uniq", R },
        { "unix2dos", W }, { "unlink", W }, { "unshare", S }, { "unsquashfs", S }, { "unzip", W | R },
        { "update-alternatives", W | R }, { "useradd", W }, { "userdel", W }, { "usermod", W },
        { "uucp", R }, { "uudecode", R }, { "uuencode", R }, { "uv", S }, { "vagrant", S },
        { "valgrind", S }, { "varnishncsa", W }, { "vi", S | W }, { "view", S }, { "vigr", S | W },
        { "vim", S | W }, { "vim.basic", S }, { "vim.nox", S }, { "vim.tiny", S }, { "vimdiff", S },
        { "vipw", S | W }, { "virsh", S }, { "virt-customize", S }, { "virt-install", S }, { "visudo", W },
        { "vlc", S }, { "volatility", S }, { "w3m", R }, { "w3mman", S }, { "wall", S }, { "watch", S },
        { "wc", R }, { "weechat", S }, { "wg", W }, { "wg-quick", W }, { "wget", S | W }, { "whiptail", S },
        { "whois", R }, { "wine", S }, { "wireshark", S | W | R }, { "wish", S }, { "x86_64", S },
        { "xargs", S }, { "xdg-open", S }, { "xdotool", S }, { "xelatex", S }, { "xetex", S },
        { "xmllint", R }, { "xmodmap", W | R }, { "xmore", R }, { "xonsh", S }, { "xpad", R },
        { "xsltproc", W }, { "xterm", S }, { "xxd", W | R }, { "xz", W | R }, { "xzcat", R }, { "yarn", S },
        { "yash", S }, { "yelp", W }, { "yt-dlp", S }, { "yum", S }, { "zathura", S }, { "zcat", R },
        { "zfs", W }, { "zgrep", R }, { "zic", S }, { "zip", S | W }, { "zless", S | R }, { "zmore", R },
        { "zsh", S }, { "zshdb", S }, { "zsoelim", R }, { "zstd", W | R }, { "zypper", S },
};
/* clang-format on */

static int compare(const void *name, const void *row)
{
        return strcmp(name, ((const struct Row *) row)->name);
}

static unsigned find(const char *name)
{
        const struct Row *row = bsearch(name, rows, ELEMENTSOF(rows), sizeof *rows, compare);

        return row ? row->functions : 0;
}

unsigned gtfobins_functions(const char *path)
{
        const char *slash = strrchr(path, '/');
        char name[64];

        (void) snprintf(name, sizeof name, "%s", slash ? slash + 1 : path);
        unsigned functions = find(name);

        /* python3.11, gcc-12, php8.2: the versions of a program are the program. */
        for (size_t length = strlen(name); functions == 0 && length > 1; length--) {
                if (!strchr("0123456789.-", name[length - 1]))
                        break;
                name[length - 1] = '\0';
                functions = find(name);
        }

        return functions;
}

size_t gtfobins_count(void)
{
        return ELEMENTSOF(rows);
}
