/* A closed-loop SMTP load on 127.0.0.1: so many sessions send so many messages; a message counts at the 250 after its
 * final dot. One thread and epoll, so that the client takes as little of the machine as a client can.
 *
 *     cc -O2 -o load load.c -lssl -lcrypto
 *     load --port N --sessions N --messages N --size N --recipients N --users N --domain NAME
 *          [--tls] [--login PATTERN --password TEXT] [--a-connection N] [--seconds N] [--to NAME [--destinations N]]
 *
 * --recipients   recipients a message: users 1 + n % users and those that follow
 * --tls          TLS from the first octet (RFC 8314), a full handshake each time
 * --login        AUTH PLAIN; %d in the pattern is the number of the session's user, who is then the sender too
 * --a-connection messages a connection; 0 (the default) sends all of a session's on one
 * --to           the recipients' domain, if it is not the sender's; with --destinations d1.NAME to dN.NAME in turns
 *
 * Commands are not pipelined. Bodies differ by message, so that no server can store one for several. Prints one JSON
 * object with the client's own CPU, so that one can see that it was not the bottleneck. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum step { GREETING, HELLO, LOGIN, MAIL, RECIPIENT, DATA, CONTENT, QUIT, ENDED };

struct session {
  int number, fd;
  SSL *tls;
  enum step step;
  char in[8192], *out;
  size_t in_length, out_length, out_sent, out_room;
  long message;
  int recipients_sent, on_connection;
  double began;
};

static int port, sessions = 1, recipients = 1, users = 20, use_tls, a_connection;
static long messages = 100, next_message, accepted;
static size_t size = 4096;
static double seconds = 120;
static int destinations;
static const char *domain = "example.test", *to_domain, *login, *password = "";
static char failure[512], *filler;
static size_t filler_length;
static double *latencies;
static int events;
static long run_number;
static SSL_CTX *context;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *format, ...) {
  if (failure[0]) return;
  va_list list;
  va_start(list, format);
  vsnprintf(failure, sizeof failure, format, list);
  va_end(list);
  for (char *c = failure; *c; c++)
    if (*c == '"' || *c == '\\' || (unsigned char)*c < 32) *c = ' ';
}

/* --- bytes out and in ------------------------------------------------------------------------------------------ */

static void wait_for(struct session *s, int output) {
  struct epoll_event e = {.events = EPOLLIN | (output ? EPOLLOUT : 0), .data.ptr = s};
  epoll_ctl(events, EPOLL_CTL_MOD, s->fd, &e);
}

/* Sends what waits. Asks for EPOLLOUT only while the socket takes no more. */
static void push(struct session *s, int was_blocked) {
  while (s->out_sent < s->out_length) {
    char *from = s->out + s->out_sent;
    size_t left = s->out_length - s->out_sent;
    ssize_t n = s->tls ? SSL_write(s->tls, from, left) : send(s->fd, from, left, MSG_NOSIGNAL);
    if (n <= 0) {
      wait_for(s, 1);
      return;
    }
    s->out_sent += n;
  }
  s->out_sent = s->out_length = 0;
  if (was_blocked) wait_for(s, 0);
}

static ssize_t pull(struct session *s) {
  char *to = s->in + s->in_length;
  size_t room = sizeof s->in - 1 - s->in_length;
  if (!s->tls) return recv(s->fd, to, room, 0);
  int n = SSL_read(s->tls, to, room);
  if (n > 0) return n;
  int why = SSL_get_error(s->tls, n);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
    errno = EAGAIN;
    return -1;
  }
  return 0;
}

static void put(struct session *s, const char *bytes, size_t length) {
  if (s->out_length + length > s->out_room) {
    s->out_room = (s->out_length + length) * 2;
    s->out = realloc(s->out, s->out_room);
  }
  memcpy(s->out + s->out_length, bytes, length);
  s->out_length += length;
}

static void say(struct session *s, enum step next, const char *format, ...) {
  char line[2048];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  put(s, line, length);
  s->step = next;
  push(s, 0);
}

/* --- a session ------------------------------------------------------------------------------------------------- */

static int dial(struct session *s) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(s->fd, (struct sockaddr *)&address, sizeof address) < 0) {
    fail("no connection to port %d: %s", port, strerror(errno));
    return -1;
  }
  int one = 1;
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(s->fd, F_SETFL, O_NONBLOCK);
  s->in_length = s->out_length = s->out_sent = 0;
  s->on_connection = 0;
  s->step = GREETING;
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
  epoll_ctl(events, EPOLL_CTL_ADD, s->fd, &e);
  if (use_tls) {
    s->tls = SSL_new(context);
    SSL_set_fd(s->tls, s->fd);
    SSL_set_connect_state(s->tls);
    SSL_do_handshake(s->tls);
  }
  return 0;
}

static void hang_up(struct session *s) {
  if (s->tls) {
    SSL_shutdown(s->tls);
    SSL_free(s->tls);
    s->tls = NULL;
  }
  close(s->fd);
  s->fd = -1;
  s->step = ENDED;
}

static void sender(struct session *s, char *to, size_t room) {
  if (login)
    snprintf(to, room, "u%d@%s", 1 + s->number % users, domain);
  else
    snprintf(to, room, "load@load.test");
}

static void begin_message(struct session *s) {
  if (next_message >= messages || (a_connection && s->on_connection >= a_connection)) {
    say(s, QUIT, "QUIT\r\n");
    return;
  }
  char from[300];
  sender(s, from, sizeof from);
  s->message = next_message++;
  s->recipients_sent = 0;
  s->began = now();
  say(s, MAIL, "MAIL FROM:<%s>\r\n", from);
}

static void authenticate(struct session *s) {
  unsigned char plain[512], encoded[1024];
  char name[256];
  snprintf(name, sizeof name, login, 1 + s->number % users);
  int length = snprintf((char *)plain, sizeof plain, "%c%s%c%s", 0, name, 0, password);
  EVP_EncodeBlock(encoded, plain, length);
  say(s, LOGIN, "AUTH PLAIN %s\r\n", encoded);
}

static void send_content(struct session *s) {
  char head[2048], from[300], date[64];
  time_t t = time(NULL);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime(&t));
  sender(s, from, sizeof from);
  int length = snprintf(
      head, sizeof head,
      "From: Load <%s>\r\nTo: <u%ld@%s>\r\nSubject: load message %ld\r\nDate: %s\r\n"
      "Message-ID: <%ld.%ld@load.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
      "This is number %ld of run %ld.\r\n",
      from, 1 + s->message % users, domain, s->message, date, s->message, run_number, s->message, run_number);
  put(s, head, length);
  size_t rest = filler_length > (size_t)length ? filler_length - length : 0;
  if (rest && filler[rest - 1] == '\r') rest--; /* a CR alone may stand nowhere */
  put(s, filler, rest);
  say(s, CONTENT, "\r\n.\r\n");
}

static void obey(struct session *s, const char *line) {
  if (line[0] != '2' && line[0] != '3') {
    fail("after step %d of message %ld: %s", s->step, s->message, line);
    return;
  }
  switch (s->step) {
    case GREETING: say(s, HELLO, "EHLO load.test\r\n"); break;
    case HELLO:
      if (login)
        authenticate(s);
      else
        begin_message(s);
      break;
    case LOGIN: begin_message(s); break;
    case MAIL:
    case RECIPIENT:
      if (s->recipients_sent < recipients) {
        int user = 1 + (s->message + s->recipients_sent++) % users;
        if (destinations)
          say(s, RECIPIENT, "RCPT TO:<u%d@d%ld.%s>\r\n", user, 1 + s->message % destinations, to_domain);
        else
          say(s, RECIPIENT, "RCPT TO:<u%d@%s>\r\n", user, to_domain ? to_domain : domain);
      } else {
        say(s, DATA, "DATA\r\n");
      }
      break;
    case DATA: send_content(s); break;
    case CONTENT:
      latencies[accepted++] = now() - s->began;
      s->on_connection++;
      begin_message(s);
      break;
    case QUIT: hang_up(s); break;
    case ENDED: break;
  }
}

static void receive(struct session *s) {
  while (s->fd >= 0) {
    ssize_t n = pull(s);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      if (s->step != QUIT) fail("the server closed the connection in step %d", s->step);
      hang_up(s);
      return;
    }
    s->in_length += n;
    char *line = s->in, *end = s->in + s->in_length, *feed;
    while (s->fd >= 0 && (feed = memchr(line, '\n', end - line))) {
      *feed = 0;
      if (feed - line >= 4 && line[3] != '-') obey(s, line);
      line = feed + 1;
    }
    if (s->fd < 0) return;
    s->in_length = end - line;
    memmove(s->in, line, s->in_length);
    if (s->in_length == sizeof s->in - 1) fail("an endless reply");
    if (!s->tls) return; /* level-triggered: what is left comes again */
  }
}

/* --- all of them ----------------------------------------------------------------------------------------------- */

/* Lines of random words. Their bytes are the same for all messages; each message's first line is not. */
static void make_filler(void) {
  uint64_t state = 88172645463325252ull;
  filler = malloc(size + 128);
  while (filler_length + 4 < size) {
    size_t column = filler_length % 74;
    if (column == 72) {
      memcpy(filler + filler_length, "\r\n", 2);
      filler_length += 2;
      continue;
    }
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    filler[filler_length++] = state % 6 ? 'a' + state % 26 : ' ';
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double quantile(double share) { return accepted ? latencies[(long)(share * (accepted - 1))] * 1000 : 0; }

int main(int count, char **arguments) {
  static struct option options[] = {
      {"port", 1, 0, 'p'},     {"sessions", 1, 0, 's'}, {"messages", 1, 0, 'm'}, {"size", 1, 0, 'z'},
      {"recipients", 1, 0, 'r'}, {"users", 1, 0, 'u'},    {"domain", 1, 0, 'd'},   {"tls", 0, 0, 't'},
      {"login", 1, 0, 'l'},    {"password", 1, 0, 'w'}, {"a-connection", 1, 0, 'c'}, {"seconds", 1, 0, 'x'},
      {"to", 1, 0, 'o'},       {"destinations", 1, 0, 'n'}, {0}};
  int option;
  while ((option = getopt_long(count, arguments, "", options, NULL)) != -1) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 's': sessions = atoi(optarg); break;
      case 'm': messages = atol(optarg); break;
      case 'z': size = atol(optarg); break;
      case 'r': recipients = atoi(optarg); break;
      case 'u': users = atoi(optarg); break;
      case 'd': domain = optarg; break;
      case 't': use_tls = 1; break;
      case 'l': login = optarg; break;
      case 'w': password = optarg; break;
      case 'c': a_connection = atoi(optarg); break;
      case 'x': seconds = atof(optarg); break;
      case 'o': to_domain = optarg; break;
      case 'n': destinations = atoi(optarg); break;
      default: return 2;
    }
  if (!port || sessions < 1 || sessions > 1000 || messages < 1 || messages > 2000000 || users < 1 || recipients < 1 ||
      (destinations && !to_domain)) {
    fprintf(stderr, "load: see the head of load.c for how it is called\n");
    return 2;
  }
  run_number = (long)time(NULL) * 100000 + getpid() % 100000;
  latencies = calloc(messages + 1, sizeof *latencies);
  make_filler();
  if (use_tls) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  events = epoll_create1(EPOLL_CLOEXEC);
  struct session *all = calloc(sessions, sizeof *all);
  double start = now(), last = start;
  long connections = 0;
  int alive = 0;
  for (int i = 0; i < sessions; i++) {
    all[i].number = i;
    if (dial(&all[i]) == 0) alive++, connections++;
  }
  while (alive > 0 && !failure[0]) {
    if (now() - start > seconds) {
      fail("not done after %.0f seconds", seconds);
      break;
    }
    struct epoll_event ready[128];
    int n = epoll_wait(events, ready, 128, 1000);
    for (int i = 0; i < n && !failure[0]; i++) {
      struct session *s = ready[i].data.ptr;
      if (s->fd < 0) continue;
      long before = accepted;
      if (ready[i].events & EPOLLOUT) push(s, 1);
      if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(s);
      if (accepted != before) last = now();
      if (s->step == ENDED) {
        alive--;
        if (next_message < messages && dial(s) == 0) alive++, connections++;
      }
    }
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  qsort(latencies, accepted, sizeof *latencies, compare);
  printf("{\"accepted\": %ld, \"seconds\": %.6f, \"connections\": %ld, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"cpu_s\": %.3f, ",
         accepted, last - start, connections, quantile(.5), quantile(.99), cpu);
  printf(failure[0] ? "\"failure\": \"%s\"}\n" : "\"failure\": null}\n", failure);
  return failure[0] != 0;
}
