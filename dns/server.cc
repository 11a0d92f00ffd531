// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/guarded.h"

namespace davit::dns {
namespace {

constexpr size_t kLengthBytes = 2;  // before each message over TCP
// Packets and connections that are taken at once: a network that floods its responder must not hold up the
// others.
constexpr int kMostAtOnce = 64;
constexpr int kBacklog = 64;

// IPv4 clients are seen as such: the sockets of IPv6 take no others.
ServerAddress AddressOf(const sockaddr_storage& from) {
  ServerAddress address;
  address.address.family = from.ss_family;
  if (from.ss_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(from);
    address.port = ntohs(ipv4.sin_port);
    std::copy_n(reinterpret_cast<const uint8_t*>(&ipv4.sin_addr), 4, address.address.bytes.begin());
  } else {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(from);
    address.port = ntohs(ipv6.sin6_port);
    address.scope = ipv6.sin6_scope_id;
    std::copy_n(reinterpret_cast<const uint8_t*>(&ipv6.sin6_addr), 16, address.address.bytes.begin());
  }
  return address;
}

Result<> SetOption(int fd, int level, int option, int value, const char* name) {
  if (setsockopt(fd, level, option, &value, sizeof value) < 0) return SystemError("setsockopt", name);
  return {};
}

std::string Failure(const Query& query, Transport transport) {
  return WriteAnswer(query, {Rcode::kServerFailure}, transport);
}

}  // namespace

Server::Server(const Ports& ports, ServerConfig config, std::shared_ptr<const Names> names)
    : ports_(ports),
      config_(std::move(config)),
      names_(std::move(names)),
      questions_(config_.most_questions_each, config_.most_questions),
      connection_limits_(config_.most_connections_each, config_.most_connections) {}

Result<std::unique_ptr<Server>> Server::Open(const Ports& ports, ServerConfig config,
                                             std::shared_ptr<const Names> names) {
  std::unique_ptr<Server> server(new Server(ports, std::move(config), std::move(names)));
  for (const cni::IpAddress& address : server->config_.addresses) TRY(server->Listen(address));
  return server;
}

Server::~Server() {
  for (const auto& [id, pending] : pending_) ports_.forwarder.Cancel(id);
  while (!connections_.empty()) CloseConnection(connections_.begin()->first);
  for (const UniqueFd& socket : sockets_) ports_.loop.Remove(socket.get());
}

Result<> Server::Listen(const cni::IpAddress& address) {
  UniqueFd udp = TRY(Bind(address, SOCK_DGRAM));
  if (config_.port == 0 && port_ == 0) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (getsockname(udp.get(), reinterpret_cast<sockaddr*>(&bound), &size) < 0)
      return SystemError("getsockname", address.ToString());
    port_ = AddressOf(bound).port;
  }
  UniqueFd tcp = TRY(Bind(address, SOCK_STREAM));
  if (listen(tcp.get(), kBacklog) < 0) return SystemError("listen", address.ToString());
  TRY(ports_.loop.Add(udp.get(), EPOLLIN, [this, fd = udp.get()](uint32_t) { OnDatagrams(fd); }));
  sockets_.push_back(std::move(udp));
  TRY(ports_.loop.Add(tcp.get(), EPOLLIN, [this, fd = tcp.get()](uint32_t) { OnConnections(fd); }));
  sockets_.push_back(std::move(tcp));
  return {};
}

// Also before the bridge has its address. An address alone would let the containers of other networks in, to
// which the gateway is local, too.
Result<UniqueFd> Server::Bind(const cni::IpAddress& address, int type) {
  UniqueFd fd(socket(address.family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return SystemError("socket", address.ToString());
  if (address.family == AF_INET) {
    TRY(SetOption(fd.get(), IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND"));
  } else {
    TRY(SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY"));
    TRY(SetOption(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, 1, "IPV6_FREEBIND"));
  }
  if (type == SOCK_STREAM) TRY(SetOption(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  if (config_.device != 0)
    TRY(SetOption(fd.get(), SOL_SOCKET, SO_BINDTOIFINDEX, static_cast<int>(config_.device),
                  "SO_BINDTOIFINDEX"));
  sockaddr_storage to;
  ServerAddress at{address, 0, port_ != 0 ? port_ : config_.port};
  socklen_t size = at.ToSocketAddress(to);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&to), size) == 0) return fd;
  if (errno != EADDRINUSE) return SystemError("bind", address.ToString());
  return Fail(Code::kAlreadyExists, "answer names", address.ToString() + ":" + std::to_string(at.port),
              "another program of the host listens there, or on this port of all addresses");
}

void Server::OnDatagrams(int fd) {
  std::array<char, kMostQueryBytes> buffer;
  for (int i = 0; i < kMostAtOnce; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    ssize_t received =
        recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &size);
    if (received < 0) return;  // EAGAIN; other errors are of packets that were sent before
    if (static_cast<size_t>(received) > buffer.size()) continue;
    // Whatever becomes of one packet, the next is read.
    RunGuarded("dns",
               [&] { AnswerDatagram(fd, {buffer.data(), static_cast<size_t>(received)}, AddressOf(from)); });
  }
}

void Server::AnswerDatagram(int fd, std::string_view packet, const ServerAddress& from) {
  Verdict verdict = Judge(packet, Transport::kUdp, config_.zone, *names_);
  if (verdict.kind == Verdict::Kind::kIgnore || from.port == 0) return;
  Pending pending{.client = from.address, .udp = fd, .to = from, .query = std::move(verdict.query)};
  if (verdict.kind == Verdict::Kind::kAnswer) return Deliver(pending, verdict.answer);
  if (!ForwardFrom(pending, Transport::kUdp)) Deliver(pending, Failure(pending.query, Transport::kUdp));
}

bool Server::ForwardFrom(const Pending& pending, Transport transport) {
  const cni::IpAddress client = pending.client;
  if (!questions_.Take(client)) return false;
  std::vector<ServerAddress> servers = names_->ServersOf(client);
  if (servers.empty()) servers = ports_.host_servers();
  auto id = std::make_shared<Forwarder::Id>(0);
  auto done = [this, id, transport](std::optional<std::string> answer) {
    auto asked = pending_.extract(*id);
    if (asked.empty()) return;
    questions_.Give(asked.mapped().client);
    Deliver(asked.mapped(), answer ? *answer : Failure(asked.mapped().query, transport));
  };
  std::optional<Forwarder::Id> asked =
      ports_.forwarder.Ask(pending.query, transport, std::move(servers), std::move(done));
  if (!asked) {
    questions_.Give(client);
    return false;
  }
  *id = *asked;
  pending_.emplace(*asked, pending);
  return true;
}

// A datagram that cannot be sent at once is lost, as any may be.
void Server::Deliver(const Pending& pending, const std::string& answer) {
  if (pending.connection == 0) {
    sockaddr_storage to;
    socklen_t size = pending.to.ToSocketAddress(to);
    (void)sendto(pending.udp, answer.data(), answer.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&to),
                 size);
    return;
  }
  auto connection = connections_.find(pending.connection);
  if (connection == connections_.end()) return;
  connection->second->waits = false;
  if (!Reply(*connection->second, answer) || !HandleReceived(*connection->second))
    CloseConnection(pending.connection);
}

void Server::OnConnections(int fd) {
  for (int i = 0; i < kMostAtOnce; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    UniqueFd socket(accept4(fd, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    cni::IpAddress client = AddressOf(from).address;
    if (!connection_limits_.Take(client)) continue;
    uint64_t id = ++last_connection_;
    auto connection = std::make_unique<Connection>(id, std::move(socket), client);
    int connected = connection->socket.get();
    SetDeadline(*connection);
    connections_.emplace(id, std::move(connection));
    if (!ports_.loop.Add(connected, EPOLLIN, [this, id](uint32_t events) { OnConnection(id, events); }))
      CloseConnection(id);
  }
}

void Server::OnConnection(uint64_t id, uint32_t events) {
  auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  bool open = false;
  RunGuarded("dns", [&] {
    bool fine = (events & EPOLLERR) == 0;
    if (fine && (events & EPOLLOUT) != 0) fine = Send(connection) && HandleReceived(connection);
    if (fine && (events & (EPOLLIN | EPOLLHUP)) != 0) fine = Receive(connection);
    open = fine;
  });
  if (!open) CloseConnection(id);
}

bool Server::Receive(Connection& connection) {
  std::array<char, kMostQueryBytes> buffer;
  ssize_t size = recv(connection.socket.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  connection.received.append(buffer.data(), static_cast<size_t>(size));
  return HandleReceived(connection);
}

// One query at a time: who sends more is read no further until the answer was taken.
bool Server::HandleReceived(Connection& connection) {
  while (!connection.waits && connection.to_send.empty() && connection.received.size() >= kLengthBytes) {
    size_t size = IdOf(connection.received);  // the length is written as an id is
    if (size > kMostQueryBytes) return false;
    if (connection.received.size() < kLengthBytes + size) break;
    std::string packet = connection.received.substr(kLengthBytes, size);
    connection.received.erase(0, kLengthBytes + size);
    Verdict verdict = Judge(packet, Transport::kTcp, config_.zone, *names_);
    if (verdict.kind == Verdict::Kind::kIgnore) return false;
    if (verdict.kind == Verdict::Kind::kAnswer) {
      if (!Reply(connection, verdict.answer)) return false;
      continue;
    }
    Pending pending{
        .client = connection.client, .connection = connection.id, .query = std::move(verdict.query)};
    connection.waits = ForwardFrom(pending, Transport::kTcp);
    if (!connection.waits && !Reply(connection, Failure(pending.query, Transport::kTcp))) return false;
    if (connection.waits) SetDeadline(connection);
  }
  uint32_t events = connection.to_send.empty() ? 0u : uint32_t{EPOLLOUT};
  if (events == 0 && !connection.waits) events = EPOLLIN;
  return ports_.loop.Modify(connection.socket.get(), events).has_value();
}

bool Server::Reply(Connection& connection, std::string_view answer) {
  auto length = static_cast<uint16_t>(answer.size());
  connection.to_send = {static_cast<char>(length >> 8), static_cast<char>(length)};
  connection.to_send.append(answer);
  SetDeadline(connection);
  return Send(connection);
}

bool Server::Send(Connection& connection) {
  ssize_t sent =
      send(connection.socket.get(), connection.to_send.data(), connection.to_send.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  connection.to_send.erase(0, static_cast<size_t>(sent));
  return true;
}

// Bytes do not put it off, only whole queries and answers do. A question that is forwarded ends earlier.
void Server::SetDeadline(Connection& connection) {
  ports_.timers.Cancel(connection.deadline);
  connection.deadline =
      ports_.timers.In(config_.idle_ms, [this, id = connection.id] { CloseConnection(id); });
}

void Server::CloseConnection(uint64_t id) {
  auto connection = connections_.extract(id);
  if (connection.empty()) return;
  Connection& closing = *connection.mapped();
  ports_.timers.Cancel(closing.deadline);
  ports_.loop.Remove(closing.socket.get());
  connection_limits_.Give(closing.client);
}

}  // namespace davit::dns
