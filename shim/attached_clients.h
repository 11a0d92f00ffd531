// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Who is shown what a container writes, beside its log.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace davit {

enum class Output : uint8_t { kStdout, kStderr };

// Pipes to write to, either of which may be empty, and an eventfd.
struct AttachedClient {
  UniqueFd out;
  UniqueFd err;
  UniqueFd cut_off;
};

// Nobody is waited for, neither by the log nor by the container: what a pipe holds is all that a client may
// be behind. One whose pipe is full is told so by its eventfd and loses its pipes.
class AttachedClients {
 public:
  // The loop outlives the object.
  explicit AttachedClients(EventLoop& loop) : loop_(loop) {}
  ~AttachedClients();
  AttachedClients(const AttachedClients&) = delete;
  AttachedClients& operator=(const AttachedClients&) = delete;

  Result<> Add(AttachedClient client);
  void Write(Output output, std::string_view data);
  // Nothing more comes.
  void End(Output output);

 private:
  // False: it is to go.
  bool Give(const AttachedClient& client, Output output, std::string_view data) const;
  Result<> Watch(const AttachedClient* client, int pipe);
  void Drop(const AttachedClient* client);
  void Close(UniqueFd& pipe);

  EventLoop& loop_;
  std::vector<std::unique_ptr<AttachedClient>> clients_;
};

}  // namespace davit
