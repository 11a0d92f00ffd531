// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Asks other resolvers for clients.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "dns/message.h"
#include "dns/server_address.h"
#include "dns/timers.h"

namespace davit::dns {

// Each question is sent with a random id from a socket of its own, whose port the kernel chooses at random
// and which receives from that server only: who wants to forge an answer has to guess both. Nothing is kept,
// so that there is nothing to poison. Of one thread, that of the loop.
class Forwarder {
 public:
  struct Limits {
    size_t most = 1'024;        // questions in flight; each has a descriptor
    int64_t server_ms = 2'000;  // for one server
    int64_t total_ms = 5'000;   // for all; as long as a client waits, usually
  };
  using Id = uint64_t;
  // nullopt: no server has answered. Called once, not before Ask has returned, unless it is cancelled before.
  using Done = std::function<void(std::optional<std::string> answer)>;

  // Both must outlive the object.
  Forwarder(EventLoop& loop, Timers& timers, Limits limits) : loop_(loop), timers_(timers), limits_(limits) {}
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // Asks one server after the other until one answers. nullopt, without a call of `done`, if there are too
  // many questions in flight already, or no servers.
  std::optional<Id> Ask(Query query, Transport transport, std::vector<ServerAddress> servers, Done done);
  void Cancel(Id id);

  size_t in_flight() const { return questions_.size(); }

 private:
  struct Question {
    Id id;
    Query query;
    Transport transport;
    std::vector<ServerAddress> servers;
    Done done;
    size_t next_server = 0;
    int64_t deadline_ms = 0;
    Timers::Id timer = 0;
    uint16_t sent_id = 0;
    UniqueFd socket = {};
    std::string to_send = {};   // over TCP: what is left
    std::string received = {};  // over TCP
  };

  void TryNext(Id id);
  Result<> Send(Question& question, const ServerAddress& server);
  void OnReady(Id id, uint32_t events);
  void ReceiveDatagrams(Question& question);
  // False if the connection has ended before an answer.
  bool Exchange(Question& question, uint32_t events);
  void Take(Question& question, std::string answer);
  void Close(Question& question);
  void Finish(Id id, std::optional<std::string> answer);

  EventLoop& loop_;
  Timers& timers_;
  const Limits limits_;
  Id last_ = 0;
  std::map<Id, std::unique_ptr<Question>> questions_;
};

}  // namespace davit::dns
