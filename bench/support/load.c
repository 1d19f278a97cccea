/*
 * Clients of a cluster: GET and SET of known keys at a steady rate, each timed from when it was due, redirections included.
 * Usage (by load.ts): load SEEDS KEYS VALUE_BYTES OPERATIONS_PER_SECOND VALUES, the password in LOAD_PASSWORD. SEEDS are host:port with
 * commas between; VALUES is noise or letter. Prints "ready" once warmed up; the first line on stdin begins the measurement, the
 * second ends it and prints one line of JSON, times in ms. The end of stdin ends it all.
 *
 * In C because a Node process's own pauses hide what servers do: p99 with nothing moving was 5 to 8 ms there, 1.0 to 1.6 ms here.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 16384, NODES = 64, QUEUE = 1 << 16, SAMPLES = 1 << 24, HOPS = 400, WARM_UP_MS = 2000, GIVE_UP_MS = 5000 };

struct request {
  double due;
  long key;
  int is_get, hops, is_asking;
};

/* A connection. Replies come in the order of the requests. */
struct node {
  char address[64];
  int fd;
  struct request queue[QUEUE];
  unsigned first, next;
  char *input;
  size_t held, room;
};

static struct node *nodes[NODES];
static int node_count, poller, timer, owner[SLOTS];
static long keys, in_flight;
static double interval_ms, due;
static char *value;
static size_t value_bytes;
static int is_measuring;
static double *times;
static long done, failed, moved, ask;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* CRC16 (XMODEM) of the key, as of the Redis Cluster specification; the keys here have no hash tag. */
static int slot_of(const char *key) {
  unsigned crc = 0;
  for (; *key; key++) {
    crc ^= (unsigned)(unsigned char)*key << 8;
    for (int bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
  }
  return crc & (SLOTS - 1);
}

/* Where the reply at `at` ends; NULL where it is not complete yet. */
static const char *reply_end(const char *at, const char *end) {
  const char *line = memchr(at, '\n', end - at);
  if (!line) return NULL;
  long n = strtol(at + 1, NULL, 10);
  line++;
  if (*at == '$') return n < 0 ? line : end - line >= n + 2 ? line + n + 2 : NULL;
  if (*at == '*')
    for (; n > 0 && line; n--) line = line < end ? reply_end(line, end) : NULL;
  return line;
}

static void write_all(int fd, const char *text, size_t left) {
  while (left > 0) {
    ssize_t n = write(fd, text, left);
    if (n < 0 && errno != EAGAIN) die("write");
    if (n < 0) poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    else text += n, left -= n;
  }
}

/* Reads what is there. 0 where the connection is closed. */
static int fill_input(struct node *node) {
  for (;;) {
    if (node->room - node->held < 1 << 16) node->input = realloc(node->input, node->room += 1 << 18);
    if (!node->input) die("realloc");
    ssize_t n = read(node->fd, node->input + node->held, node->room - node->held);
    if (n <= 0) return n < 0 && errno == EAGAIN;
    node->held += n;
  }
}

/* Sends text and waits for its reply, before the connection takes part in the loop. */
static const char *converse(struct node *node, const char *text) {
  node->held = 0;
  write_all(node->fd, text, strlen(text));
  for (;;) {
    poll(&(struct pollfd){.fd = node->fd, .events = POLLIN}, 1, -1);
    if (!fill_input(node)) die(node->address);
    if (reply_end(node->input, node->input + node->held)) break;
  }
  node->input[node->held] = 0;
  node->held = 0;
  return node->input;
}

static int node_at(const char *address) {
  for (int i = 0; i < node_count; i++)
    if (!strcmp(nodes[i]->address, address)) return i;
  struct node *node = calloc(1, sizeof *node);
  if (!node || node_count == NODES) die("too many nodes");
  snprintf(node->address, sizeof node->address, "%s", address);
  char host[64];
  int port = 0;
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (sscanf(address, "%63[^:]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &to.sin_addr) != 1) die(address);
  to.sin_port = htons(port);
  node->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(node->fd, (struct sockaddr *)&to, sizeof to)) die(address);
  setsockopt(node->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  fcntl(node->fd, F_SETFL, O_NONBLOCK);
  const char *password = getenv("LOAD_PASSWORD");
  if (password && *password) {
    char text[1024];
    snprintf(text, sizeof text, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(password), password);
    if (*converse(node, text) == '-') die("the password is refused");
  }
  epoll_ctl(poller, EPOLL_CTL_ADD, node->fd, &(struct epoll_event){.events = EPOLLIN, .data.u32 = node_count});
  nodes[node_count] = node;
  return node_count++;
}

/* CLUSTER SLOTS: of each range *entry :start :end, then *node $host :port $id for its primary and its replicas. */
static void learn_owners(int seed) {
  long start = 0, end = -1;
  int numbers = 0;
  char *reply = strdup(converse(nodes[seed], "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n"));
  char host[64] = "", address[96];
  for (char *line = strtok(reply, "\r\n"); line; line = strtok(NULL, "\r\n")) {
    if (*line == '*') numbers = 0, *host = 0;
    else if (*line == ':' && *host) {
      snprintf(address, sizeof address, "%s:%s", host, line + 1);
      for (int at = node_at(address); start <= end; start++) owner[start] = at;
    } else if (*line == ':') *(numbers++ ? &end : &start) = atol(line + 1);
    else if (*line != '$' && !*host) snprintf(host, sizeof host, "%s", line);
  }
  free(reply);
}

static void send_request(int at, struct request request) {
  static char *text;
  if (!text && !(text = malloc(value_bytes + 256))) die("malloc");
  struct node *node = nodes[at];
  char key[32];
  int length = sprintf(key, "key:%ld", request.key);
  size_t n = request.is_asking ? sprintf(text, "*1\r\n$6\r\nASKING\r\n") : 0;
  n += sprintf(text + n, "*%d\r\n$3\r\n%s\r\n$%d\r\n%s\r\n", request.is_get ? 2 : 3, request.is_get ? "GET" : "SET", length, key);
  if (!request.is_get) {
    n += sprintf(text + n, "$%zu\r\n", value_bytes);
    memcpy(text + n, value, value_bytes);
    memcpy(text + n + value_bytes, "\r\n", 2);
    n += value_bytes + 2;
  }
  if (node->next + 2 - node->first > QUEUE) die("too many requests under way");
  if (request.is_asking) node->queue[node->next++ % QUEUE] = (struct request){.is_asking = 1, .hops = -1};
  node->queue[node->next++ % QUEUE] = request;
  write_all(node->fd, text, n);
}

/* Follows MOVED and ASK, also to and fro: redis-cli may tell a source of the new owner before the owner. Whatever else is refused has failed. */
static void follow(struct request request, const char *error) {
  int slot;
  char address[64];
  if (++request.hops <= HOPS && sscanf(error, "-MOVED %d %63[^\r]", &slot, address) == 2) {
    moved++;
    owner[slot] = node_at(address);
    request.is_asking = 0;
    send_request(owner[slot], request);
  } else if (request.hops <= HOPS && sscanf(error, "-ASK %d %63[^\r]", &slot, address) == 2) {
    ask++;
    request.is_asking = 1;
    send_request(node_at(address), request);
  } else {
    if (failed++ == 0) fprintf(stderr, "%.*s\n", (int)strcspn(error, "\r"), error);
    in_flight--;
  }
}

static void take_replies(struct node *node) {
  if (!fill_input(node)) die(node->address);
  node->input[node->held] = 0;
  const char *at = node->input, *end = node->input + node->held, *next;
  for (; at < end && (next = reply_end(at, end)); at = next) {
    struct request request = node->queue[node->first++ % QUEUE];
    if (request.hops < 0) continue;
    if (*at == '-') follow(request, at);
    else {
      in_flight--;
      if (is_measuring && done < SAMPLES) times[done++] = now_ms() - request.due;
    }
  }
  node->held = end - at;
  memmove(node->input, at, node->held);
}

static void send_what_is_due(void) {
  for (double now = now_ms(); due <= now; due += interval_ms * (0.5 + drand48())) {
    char key[32];
    struct request request = {.due = due, .key = lrand48() % keys, .is_get = lrand48() & 1};
    sprintf(key, "key:%ld", request.key);
    in_flight++;
    send_request(owner[slot_of(key)], request);
  }
  long ns = (long)(due * 1e6);
  struct itimerspec at = {.it_value = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000}};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double at_part(double part) {
  long index = done * part;
  return done == 0 ? 0 : times[index < done ? index : done - 1];
}

static void report(void) {
  qsort(times, done, sizeof *times, ascending);
  printf("{\"operations\":%ld,\"failed\":%ld,\"moved\":%ld,\"ask\":%ld,", done, failed, moved, ask);
  printf("\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f}\n", at_part(0.5), at_part(0.99), at_part(0.999), at_part(1));
}

/* What came on stdin. Whether it is over. */
static int obey(void) {
  static int lines;
  char text[64];
  ssize_t n = read(STDIN_FILENO, text, sizeof text);
  if (n <= 0) exit(0);
  for (ssize_t i = 0; i < n; i++) lines += text[i] == '\n';
  if (lines == 1) {
    done = failed = moved = ask = 0;
    is_measuring = 1;
  }
  return lines > 1;
}

static void wait_for_events(int timeout_ms, int *is_over) {
  struct epoll_event events[NODES + 2];
  int n = epoll_wait(poller, events, NODES + 2, timeout_ms);
  for (int i = 0; i < n; i++) {
    unsigned at = events[i].data.u32;
    if (at < NODES) take_replies(nodes[at]);
    else if (at == NODES && obey()) *is_over = 1;
    else if (at > NODES && read(timer, &(long){0}, sizeof(long)) < 0 && errno != EAGAIN) die("timer");
  }
}

static void fill_value(const char *values) {
  value = malloc(value_bytes);
  times = malloc(SAMPLES * sizeof *times);
  if (!value || !times) die("malloc");
  for (size_t i = 0; i < value_bytes; i++) value[i] = strcmp(values, "letter") ? '!' + lrand48() % 90 : 'x';
}

int main(int argc, char **argv) {
  if (argc != 6) return fputs("usage: load SEEDS KEYS VALUE_BYTES OPERATIONS_PER_SECOND VALUES\n", stderr), 2;
  keys = atol(argv[2]);
  value_bytes = atol(argv[3]);
  interval_ms = 1000 / atof(argv[4]);
  fill_value(argv[5]);
  /* Clients are on other machines, as a rule: nothing may keep them from the processor. Not everybody may ask for it. */
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
  poller = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &(struct epoll_event){.events = EPOLLIN, .data.u32 = NODES});
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.u32 = NODES + 1});
  learn_owners(node_at(strtok(argv[1], ",")));
  due = now_ms();
  int is_over = 0, is_told = 0;
  for (double ready = due + WARM_UP_MS; !is_over; send_what_is_due(), wait_for_events(-1, &is_over))
    if (!is_told && now_ms() >= ready) is_told = 1, puts("ready"), fflush(stdout);
  for (double end = now_ms() + GIVE_UP_MS; in_flight > 0 && now_ms() < end;) wait_for_events(10, &is_over);
  failed += in_flight;
  report();
  return 0;
}
