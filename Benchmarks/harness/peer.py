"""Postfix + Dovecot, set up in a scratch folder with the settings that their own packages ship where it matters: every
message is synced before its 250, mail goes by LMTP into a Maildir, passwords are stored as SHA512-CRYPT."""
import os, pwd, subprocess

from .setting import DOMAIN, PASSWORD, USERS, free_port, wait_for

MAIL_OWNER = 5000  # no such user need exist: Dovecot takes numbers


class PostfixDovecot:
    name = "Postfix + Dovecot"

    def __init__(self, scratch, certificate):
        self.scratch, self.certificate = scratch, certificate
        self.scratch_folder, (self.chain, self.key) = scratch, certificate
        self.smtp, self.submissions, self.imap, self.imaps = (free_port() for _ in range(4))
        self.postfix, self.dovecot = os.path.join(scratch, "peer/postfix"), os.path.join(scratch, "peer/dovecot")
        for folder in ("conf", "spool", "data"):
            os.makedirs(os.path.join(self.postfix, folder))
        for folder in ("run", "state", "mail"):
            os.makedirs(os.path.join(self.dovecot, folder))
        # Their unprivileged processes must be able to come here.
        folder = scratch
        while folder != "/":
            os.chmod(folder, os.stat(folder).st_mode | 0o011)
            folder = os.path.dirname(folder)
        os.chown(self.postfix + "/data", pwd.getpwnam("postfix").pw_uid, 0)
        os.chown(self.dovecot + "/mail", MAIL_OWNER, MAIL_OWNER)
        self.write_accounts()
        self.write_postfix()
        self.write_dovecot()
        self.start()

    def write_accounts(self):
        users = [self.login(n) for n in range(1, USERS + 1)]
        verifier = subprocess.run(["doveadm", "pw", "-s", "SHA512-CRYPT", "-p", PASSWORD], check=True, text=True,
                                  capture_output=True).stdout.strip()
        with open(self.dovecot + "/users", "w") as f:
            f.writelines(f"{user}:{verifier}:{MAIL_OWNER}:{MAIL_OWNER}::{self.dovecot}/mail/{user}::\n"
                         for user in users)
        with open(self.postfix + "/conf/boxes", "w") as f:
            f.writelines(f"{user} OK\n" for user in users)
        with open(self.postfix + "/conf/senders", "w") as f:
            f.writelines(f"{user} {user}\n" for user in users)

    def write_postfix(self):
        conf = self.postfix + "/conf"
        with open(conf + "/main.cf", "w") as f:
            f.write(f"""compatibility_level = 3.6
queue_directory = {self.postfix}/spool
data_directory = {self.postfix}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.{DOMAIN}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {self.postfix}/maillog
maillog_file_prefixes = {self.scratch}
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_maps = hash:{conf}/boxes
virtual_transport = lmtp:unix:private/dovecot-lmtp
message_size_limit = 52428800
alias_maps =
alias_database =
disable_dns_lookups = yes
smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sender_login_maps = hash:{conf}/senders
smtpd_tls_cert_file = {self.certificate[0]}
smtpd_tls_key_file = {self.certificate[1]}
smtpd_tls_security_level = none
""")
        with open("/usr/share/postfix/master.cf.dist") as f:
            services = [line for line in f if not line.startswith(("smtp      inet", "postlog"))]
        # No chroot: nothing of this machine's /etc is copied anywhere.
        services = [line.replace(" y ", " n ", 1) if "unix" in line or "fifo" in line else line for line in services]
        with open(conf + "/master.cf", "w") as f:
            f.write(f"""127.0.0.1:{self.smtp} inet n - n - - smtpd
127.0.0.1:{self.submissions} inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o milter_macro_daemon_name=ORIGINATING
postlog unix-dgram n - n - 1 postlogd
""")
            f.writelines(services)
        for table in ("boxes", "senders"):
            subprocess.run(["postmap", f"hash:{conf}/{table}"], check=True)

    def write_dovecot(self):
        with open(self.dovecot + "/dovecot.conf", "w") as f:
            f.write(f"""base_dir = {self.dovecot}/run
state_dir = {self.dovecot}/state
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{self.certificate[0]}
ssl_key = <{self.certificate[1]}
disable_plaintext_auth = no
log_path = {self.dovecot}/log
mail_location = maildir:~/Maildir
first_valid_uid = 1000
mail_max_userip_connections = 4000
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = passwd-file
  args = {self.dovecot}/users
}}
userdb {{
  driver = passwd-file
  args = {self.dovecot}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = {self.imaps}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener {self.postfix}/spool/private/dovecot-lmtp {{
    user = postfix
    group = postfix
    mode = 0600
  }}
}}
service auth {{
  unix_listener {self.postfix}/spool/private/auth {{
    user = postfix
    group = postfix
    mode = 0660
  }}
}}
""")

    def start(self):
        subprocess.run(["postfix", "-c", self.postfix + "/conf", "start"], check=True, capture_output=True)
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.dovecot + "/dovecot.conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in (self.smtp, self.submissions, self.imap):
            wait_for(port)
        with open(self.postfix + "/spool/pid/master.pid") as f:
            self.roots = [int(f.read()), self.process.pid]

    def login(self, n):
        return f"u{n}@{DOMAIN}"

    def stop(self):
        subprocess.run(["postfix", "-c", self.postfix + "/conf", "stop"], capture_output=True)
        self.process.terminate()
        self.process.wait(30)
