// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One message on a SOCK_SEQPACKET socket (unix(7)): its type, the request that it belongs to, a payload, and
// descriptors with their roles. On the wire it is a message of base/codec.h:
//
//   message Frame {
//     uint32 type = 1; uint32 request_id = 2; repeated uint32 roles = 3; bytes payload = 4;
//   }
//
// and one descriptor per role beside it. A payload of more than kMaxInlinePayload bytes comes in a sealed
// memfd of the role kPayloadRole instead; neither sender nor receiver sees a difference.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

constexpr size_t kMaxInlinePayload = 32 << 10;
constexpr size_t kMaxPayload = 16 << 20;
// The kernel passes 253 at most (SCM_MAX_FD); one is kept for the payload.
constexpr size_t kMaxFrameFds = 252;
// Protocols number their own roles from 2 on.
constexpr uint32_t kPayloadRole = 1;

struct Frame {
  uint32_t type = 0;        // never 0
  uint32_t request_id = 0;  // answers carry the id of their request; 0 on events
  std::string payload;
  Descriptors fds;  // O_CLOEXEC
};

// Sends one frame whole, or nothing. EAGAIN on a non-blocking socket is kUnavailable with os_errno EAGAIN;
// kInvalidArgument is a frame that is too large. Never raises SIGPIPE.
Result<> SendFrame(int socket, uint32_t type, uint32_t request_id, std::string_view payload,
                   std::span<const RoleFd> fds = {});

// What can be said of a frame that did not arrive whole. 0: not even that.
struct DamagedFrame {
  uint32_t type = 0;
  uint32_t request_id = 0;
};

// Receives one frame. kDataLoss: this one is malformed, was cut, or lost its descriptors; `damaged` has what
// is known of it, and the next one can be received. All other errors are the connection's: EAGAIN as above,
// the end of the stream is kUnavailable with os_errno 0.
Result<Frame> ReceiveFrame(int socket, DamagedFrame* damaged = nullptr);

// Whether an error of SendFrame says that nothing can be sent any more, as opposed to this frame.
bool IsPeerGone(const Error& error);

// Moves a payload that is too long for a frame to a memfd among `fds`, to send it more than once.
Result<> MovePayload(std::string& payload, Descriptors& fds);

// A connected pair of non-inheritable SEQPACKET sockets.
Result<std::pair<UniqueFd, UniqueFd>> FramePair();

}  // namespace davit
