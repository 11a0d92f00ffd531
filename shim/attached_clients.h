// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Clients that receive a container's output in addition to its log.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace davit::shim {

enum class Output : uint8_t { kStdout, kStderr };

// Pipes to write to, either of which may be empty, and an eventfd.
struct AttachedClient {
  UniqueFd out;
  UniqueFd err;
  UniqueFd cut_off;
  bool patient = false;
};

// Blocks neither the log nor the container on a client that is not patient: it may be behind by what its pipe
// holds, at most. If the pipe is full, the client's eventfd is signalled and its pipes are closed. What finds
// no room in the pipe of a patient client is kept, and the caller gives no more output before `on_room`.
class AttachedClients {
 public:
  using OnRoom = std::function<void(Output)>;

  // The loop outlives the object. `on_room` is called when IsBehind may have become false.
  AttachedClients(EventLoop& loop, OnRoom on_room) : loop_(loop), on_room_(std::move(on_room)) {}
  ~AttachedClients();
  AttachedClients(const AttachedClients&) = delete;
  AttachedClients& operator=(const AttachedClients&) = delete;

  Result<> Add(AttachedClient client);
  void Write(Output output, std::string_view data);
  // Whether a patient client has no room for more of `output`.
  bool IsBehind(Output output) const;
  // Call it at the end of `output`: closes the clients' pipes for it. The pipe of a client that is behind is
  // enlarged for what was kept for it; if the host does not allow that, the client is cut off.
  void End(Output output);

 private:
  struct Pipe {
    UniqueFd end;
    std::string rest;  // of a patient client: what found no room
  };
  struct Client {
    explicit Client(AttachedClient from)
        : out{std::move(from.out), {}},
          err{std::move(from.err), {}},
          cut_off(std::move(from.cut_off)),
          patient(from.patient) {}
    Pipe& PipeOf(Output output) { return output == Output::kStdout ? out : err; }

    Pipe out;
    Pipe err;
    UniqueFd cut_off;
    bool patient;
  };

  // These return false if the client must be dropped.
  bool Give(Client& client, Output output, std::string_view data);
  bool Keep(Pipe& pipe, std::string_view data);
  bool GiveRest(Pipe& pipe);
  void OnEvents(Client* client, Output output, uint32_t events);
  static void CutOff(const Client& client);
  Result<> Watch(Client* client, Output output);
  void Drop(const Client* client);
  void Close(Pipe& pipe);

  EventLoop& loop_;
  const OnRoom on_room_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace davit::shim
