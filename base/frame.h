// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One message on a SOCK_SEQPACKET socket (unix(7)): a header, a payload, and descriptors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

constexpr uint32_t kFrameMagic = 0x54495644;  // "DVIT"
constexpr size_t kMaxFramePayload = 64 << 10;
constexpr size_t kMaxFrameFds = 64;

struct Frame {
  uint16_t version = 0;  // of the protocol that the sender speaks
  uint16_t type = 0;
  uint32_t request_id = 0;  // answers carry the id of their request; 0 on events
  std::string payload;
  std::vector<UniqueFd> fds;
};

// Sends one frame whole. EAGAIN on a non-blocking socket is kUnavailable with os_errno EAGAIN. Never raises
// SIGPIPE.
Result<> SendFrame(int socket, uint16_t version, uint16_t type, uint32_t request_id, std::string_view payload,
                   std::span<const int> fds = {});

// Receives one frame. The end of the stream is kUnavailable with os_errno 0; EAGAIN as above; a frame with a
// wrong magic or length, or truncated data or descriptors, is kDataLoss. Descriptors arrive O_CLOEXEC.
Result<Frame> ReceiveFrame(int socket);

// A connected pair of non-inheritable SEQPACKET sockets.
Result<std::pair<UniqueFd, UniqueFd>> FramePair();

}  // namespace davit
