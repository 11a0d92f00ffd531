// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The sockets of one network's responder.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "dns/client_limits.h"
#include "dns/forwarder.h"
#include "dns/judge.h"
#include "dns/names.h"
#include "dns/timers.h"

namespace davit::dns {

struct ServerConfig {
  std::vector<cni::IpAddress> addresses;  // to listen on: the gateways
  uint32_t device = 0;                    // index of the bridge: packets from elsewhere are not received
  Zone zone;
  uint16_t port = kPort;
  size_t most_questions_each = 100;  // of one client, waiting for other resolvers
  size_t most_questions = 512;
  size_t most_connections_each = 8;
  size_t most_connections = 64;
  int64_t idle_ms = 10'000;  // for a whole query to come over a connection, and for an answer to be taken
};

// A client that asks too much gets SERVFAIL at once, or its connection closed. Of one thread, that of the
// loop, which also destroys it.
class Server {
 public:
  // All must outlive the object.
  struct Ports {
    EventLoop& loop;
    Timers& timers;
    Forwarder& forwarder;
    // The host's resolvers. Those that are this node's own responders must not be among them.
    std::function<std::vector<ServerAddress>()> host_servers;
  };

  // kAlreadyExists if another program listens there.
  static Result<std::unique_ptr<Server>> Open(const Ports& ports, ServerConfig config,
                                              std::shared_ptr<const Names> names);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint32_t device() const { return config_.device; }
  // For tests: the port of the first address, of both transports.
  uint16_t port() const { return port_; }
  size_t connections() const { return connections_.size(); }

 private:
  // A question that is forwarded: `udp` or `connection` is where the answer goes.
  struct Pending {
    cni::IpAddress client;
    int udp = -1;
    ServerAddress to = {};
    uint64_t connection = 0;
    Query query;
  };
  struct Connection {
    uint64_t id;
    UniqueFd socket;
    cni::IpAddress client;
    std::string received = {};
    std::string to_send = {};
    Timers::Id deadline = 0;
    bool waits = false;  // for another resolver
  };

  Server(const Ports& ports, ServerConfig config, std::shared_ptr<const Names> names);
  Result<> Listen(const cni::IpAddress& address);
  Result<UniqueFd> Bind(const cni::IpAddress& address, int type);
  void OnDatagrams(int fd);
  void AnswerDatagram(int fd, std::string_view packet, const ServerAddress& from);
  void OnConnections(int fd);
  void OnConnection(uint64_t id, uint32_t events);
  // These return false if the connection is to be closed.
  bool Receive(Connection& connection);
  bool HandleReceived(Connection& connection);
  bool Reply(Connection& connection, std::string_view answer);
  bool Send(Connection& connection);
  void CloseConnection(uint64_t id);
  void SetDeadline(Connection& connection);
  // False if the question cannot be forwarded now.
  bool ForwardFrom(const Pending& pending, Transport transport);
  void Deliver(const Pending& pending, const std::string& answer);

  const Ports ports_;
  const ServerConfig config_;
  const std::shared_ptr<const Names> names_;
  std::vector<UniqueFd> sockets_;
  uint16_t port_ = 0;
  ClientLimits questions_;
  ClientLimits connection_limits_;
  std::map<Forwarder::Id, Pending> pending_;
  uint64_t last_connection_ = 0;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace davit::dns
