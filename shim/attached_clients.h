// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Clients that receive a container's output in addition to its log.
#pragma once

#include <memory>
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
};

// Blocks neither the log nor the container on a client: a client may be behind by what its pipe holds, at
// most. If the pipe is full, the client's eventfd is signalled and its pipes are closed.
class AttachedClients {
 public:
  // The loop outlives the object.
  explicit AttachedClients(EventLoop& loop) : loop_(loop) {}
  ~AttachedClients();
  AttachedClients(const AttachedClients&) = delete;
  AttachedClients& operator=(const AttachedClients&) = delete;

  Result<> Add(AttachedClient client);
  void Write(Output output, std::string_view data);
  // Call it at the end of `output`: closes the clients' pipes for it.
  void End(Output output);

 private:
  // Returns false if the client must be dropped.
  bool Give(const AttachedClient& client, Output output, std::string_view data) const;
  Result<> Watch(const AttachedClient* client, int pipe);
  void Drop(const AttachedClient* client);
  void Close(UniqueFd& pipe);

  EventLoop& loop_;
  std::vector<std::unique_ptr<AttachedClient>> clients_;
};

}  // namespace davit::shim
