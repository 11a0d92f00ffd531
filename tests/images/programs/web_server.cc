// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A web server for test images: one page, one connection after the other.
//
//   web_server NAME PORT PAGE [PID_FILE]
//
// It shows itself in /proc as "NAME: master process", as nginx does, and writes an access log line per
// request to standard output. Ends on SIGTERM and SIGINT, also as PID 1, where signals without a handler are
// ignored.

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>
#include <string>

namespace {

int ListenOn(uint16_t port) {
  // One socket for both families: a pod may have either.
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_any;
  address.sin6_port = htons(port);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 64) != 0) {
    perror("web_server: listen");
    exit(1);
  }
  return fd;
}

// Reads until the empty line that ends a request's headers; the page is the same whatever it asks for.
std::string ReadRequest(int connection) {
  std::string request;
  char buffer[1024];
  while (request.find("\r\n\r\n") == std::string::npos && request.size() < 16384) {
    ssize_t n = read(connection, buffer, sizeof buffer);
    if (n <= 0) break;
    request.append(buffer, static_cast<size_t>(n));
  }
  return request;
}

void Answer(int connection, const char* name, const std::string& page) {
  std::string request = ReadRequest(connection);
  std::string response =
      "HTTP/1.1 200 OK\r\nServer: " + std::string(name) +
      "\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: " + std::to_string(page.size()) +
      "\r\n\r\n" + page;
  if (send(connection, response.data(), response.size(), MSG_NOSIGNAL) < 0) perror("web_server: send");
  std::string line = std::string(name) + ": " + request.substr(0, request.find('\r')) + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) perror("web_server: log");
}

// /proc/PID/cmdline is the memory of argv itself.
void SetTitle(char** argv, int argc, const std::string& title) {
  char* begin = argv[0];
  size_t space = static_cast<size_t>(argv[argc - 1] + strlen(argv[argc - 1]) - begin);
  memset(begin, 0, space);
  memcpy(begin, title.data(), title.size() < space ? title.size() : space - 1);
  prctl(PR_SET_NAME, title.substr(0, title.find(':')).c_str());
}

void WritePidFile(const char* path) {
  FILE* file = fopen(path, "we");
  if (file == nullptr) {
    perror(path);
    exit(1);
  }
  fprintf(file, "%d\n", getpid());
  fclose(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: %s NAME PORT PAGE [PID_FILE]\n", argv[0]);
    return 2;
  }
  for (int signal : {SIGTERM, SIGINT, SIGQUIT}) ::signal(signal, [](int) { _exit(0); });
  std::string name = argv[1];
  std::string page = argv[3];
  int listener = ListenOn(static_cast<uint16_t>(atoi(argv[2])));
  if (argc > 4) WritePidFile(argv[4]);
  SetTitle(argv, argc, name + ": master process");
  printf("%s: listening\n", name.c_str());
  fflush(stdout);
  while (true) {
    int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    Answer(connection, name.c_str(), page);
    close(connection);
  }
}
