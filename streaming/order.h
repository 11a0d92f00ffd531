// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a streaming URL stands for: an order of a CRI client, carried out when a client connects to the URL.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace davit::streaming {

// Which of a process' streams the client asks for. With a terminal there is no stderr.
struct StreamSet {
  bool in = false;
  bool out = false;
  bool err = false;
  bool terminal = false;
};

struct ExecOrder {
  std::string container_id;
  std::vector<std::string> command;
  StreamSet streams;
};

struct AttachOrder {
  std::string container_id;
  StreamSet streams;
};

struct ForwardOrder {
  std::string sandbox_id;
  std::vector<uint16_t> ports;  // for clients that do not name one per stream
};

using StreamOrder = std::variant<ExecOrder, AttachOrder, ForwardOrder>;

// "exec", "attach" or "portforward": the first component of the URL's path.
const char* OrderName(const StreamOrder& order);

}  // namespace davit::streaming
