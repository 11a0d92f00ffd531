// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/time.h"

namespace davit::streaming {
namespace {

struct HostPort {
  std::string host;  // without brackets
  std::string port;
};

Result<HostPort> Split(const std::string& address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return Fail(Code::kInvalidArgument, "parse streaming address", address, "it is not HOST:PORT");
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return HostPort{host, address.substr(colon + 1)};
}

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<AddressList> Resolve(const std::string& address) {
  HostPort parts = TRY(Split(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  int failed = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
  if (failed != 0)
    return Fail(Code::kInvalidArgument, "parse streaming address", address, gai_strerror(failed));
  return AddressList(found, freeaddrinfo);
}

Result<UniqueFd> OpenListener(const std::string& address) {
  AddressList resolved = TRY(Resolve(address));
  UniqueFd listener(socket(resolved->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return SystemError("socket", address);
  // A fixed port is taken over from a daemon that has just ended.
  int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener.get(), resolved->ai_addr, resolved->ai_addrlen) < 0) return SystemError("bind", address);
  if (listen(listener.get(), SOMAXCONN) < 0) return SystemError("listen", address);
  return listener;
}

// "127.0.0.1:41234", with the port that the kernel chose.
Result<std::string> OwnAddress(int listener) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&own), &size) < 0) {
    return SystemError("getsockname", "streaming");
  }
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  int failed = getnameinfo(reinterpret_cast<sockaddr*>(&own), size, host, sizeof host, port, sizeof port,
                           NI_NUMERICHOST | NI_NUMERICSERV);
  if (failed != 0) return Fail(Code::kInternal, "getnameinfo", "streaming", gai_strerror(failed));
  std::string text = own.ss_family == AF_INET6 ? "[" + std::string(host) + "]" : host;
  return text + ":" + port;
}

}  // namespace

StreamServer::StreamServer(const StreamServerOptions& options, std::shared_ptr<Reactor> reactor,
                           StreamTargets& targets, const Logger& log)
    : setting_{std::move(reactor),
               targets,
               tokens_,
               log,
               {},
               options.idle_timeout_ms,
               options.creation_timeout_ms,
               std::min(options.request_timeout_ms, options.creation_timeout_ms)} {}

Result<std::unique_ptr<StreamServer>> StreamServer::Start(const StreamServerOptions& options,
                                                          StreamTargets& targets, const Logger& log) {
  std::shared_ptr<Reactor> reactor = TRY(Reactor::Start());
  std::unique_ptr<StreamServer> server(new StreamServer(options, std::move(reactor), targets, log));
  if (!options.tls_certificate.empty()) {
    server->tls_ = TRY(TlsContext::Load(options.tls_certificate, options.tls_key));
  }
  TRY(server->Listen(options.address));
  return server;
}

Result<> StreamServer::Listen(const std::string& address) {
  UniqueFd listener = TRY(OpenListener(address));
  timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return SystemError("timerfd_create", "streaming");
  base_url_ = (tls_ ? "https://" : "http://") + TRY(OwnAddress(listener.get())) + "/";
  Result<> watched;
  setting_.reactor->Await([&] { watched = Watch(std::move(listener)); });
  return watched;
}

Result<> StreamServer::Watch(UniqueFd listener) {
  EventLoop& loop = setting_.reactor->loop();
  TRY(loop.Add(timer_.get(), EPOLLIN, [this](uint32_t) { OnTick(); }));
  acceptor_ = TRY(Acceptor::Start(loop, std::move(listener),
                                  [this](UniqueFd socket) { AddConnection(std::move(socket)); }));
  return {};
}

StreamServer::~StreamServer() {
  setting_.reactor->Await([this] {
    acceptor_.reset();
    CloseAll();
    if (timer_) setting_.reactor->loop().Remove(timer_.get());
  });
  // Connections that closed just before have posted their removal.
  setting_.reactor->Await([] {});
}

Result<std::string> StreamServer::Issue(StreamOrder order) {
  std::string path = std::string(OrderName(order)) + "/";
  return base_url_ + path + TRY(tokens_.Issue(std::move(order)));
}

void StreamServer::AddConnection(UniqueFd socket) {
  int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  uint64_t number = next_connection_++;
  auto transport = tls_ ? tls_->Accept(std::move(socket)) : PlainTransport(std::move(socket));
  auto connection = std::make_unique<Connection>(setting_, std::move(transport),
                                                 static_cast<ConnectionOwner&>(*this), number);
  if (!connection->Open()) return;
  if (unauthenticated_.size() >= kMaxUnauthenticated) unauthenticated_.erase(unauthenticated_.begin());
  if (unauthenticated_.empty() && streams_.empty()) SetTicking(true);
  unauthenticated_[number] = std::move(connection);
}

void StreamServer::OnAuthenticated(uint64_t connection) {
  streams_.insert(unauthenticated_.extract(connection));
}

void StreamServer::OnClosed(uint64_t connection) {
  setting_.reactor->Post([this, connection] {
    unauthenticated_.erase(connection);
    streams_.erase(connection);
  });
}

// Sessions are told, so that they end what must not outlive them.
void StreamServer::CloseAll() {
  unauthenticated_.clear();
  for (const auto& [number, connection] : streams_) connection->Close();
  streams_.clear();
  *setting_.serving = false;
}

void StreamServer::OnTick() {
  uint64_t expirations = 0;
  [[maybe_unused]] ssize_t n = read(timer_.get(), &expirations, sizeof expirations);
  int64_t now_ms = MonotonicMilliseconds();
  for (const Connections* connections : {&unauthenticated_, &streams_}) {
    for (const auto& [number, connection] : *connections) connection->OnTick(now_ms);
  }
  if (unauthenticated_.empty() && streams_.empty()) SetTicking(false);
}

void StreamServer::SetTicking(bool ticking) {
  itimerspec period{};
  if (ticking) period.it_value.tv_sec = period.it_interval.tv_sec = 1;
  timerfd_settime(timer_.get(), 0, &period, nullptr);
}

}  // namespace davit::streaming
