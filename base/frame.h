// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One message on a SOCK_SEQPACKET socket (unix(7)): its type, the id of its request, a payload, and
// descriptors with their roles. On the wire it is a message of base/codec.h:
//
//   message Frame {
//     uint32 type = 1; uint32 request_id = 2; repeated uint32 roles = 3; bytes payload = 4;
//   }
//
// and one descriptor per role (SCM_RIGHTS). A payload of more than kMaxInlinePayload bytes is sent in a
// sealed memfd with the role kPayloadRole instead; sender and receiver see no difference.
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
// The kernel passes at most 253 descriptors (SCM_MAX_FD); one is reserved for the payload, whether the frame
// or its sender (MovePayload) puts that into a memfd.
constexpr size_t kMaxFrameFds = 252;
// Protocols use the numbers from 2 for their own roles.
constexpr uint32_t kPayloadRole = 1;

struct Frame {
  uint32_t type = 0;        // never 0
  uint32_t request_id = 0;  // answers carry the id of their request; 0 on events
  std::string payload;
  Descriptors fds;  // O_CLOEXEC
};

// Sends the whole frame or nothing; the caller keeps the descriptors. EAGAIN on a non-blocking socket is
// kUnavailable with os_errno EAGAIN; a frame that is too large is kInvalidArgument. Never raises SIGPIPE.
Result<> SendFrame(int socket, uint32_t type, uint32_t request_id, std::string_view payload,
                   std::span<const RoleFd> fds = {});

// What is known of a frame that did not arrive whole; 0: unknown.
struct DamagedFrame {
  uint32_t type = 0;
  uint32_t request_id = 0;
};

// Receives one frame. kDataLoss: the frame is malformed, was truncated or lost its descriptors; `damaged`
// receives what is known of it, and the next frame can be received. All other errors concern the connection:
// EAGAIN as in SendFrame; the end of the stream is kUnavailable with os_errno 0.
Result<Frame> ReceiveFrame(int socket, DamagedFrame* damaged = nullptr);

constexpr size_t kMaxPlainPayload = 512;

// As ReceiveFrame, but never blocks and takes only what an untrusted peer may send: a frame without
// descriptors and with at most kMaxPlainPayload bytes of payload. Others are kDataLoss; the kernel closes
// their descriptors, which this process never receives.
Result<Frame> ReceivePlainFrame(int socket);

// True if an error of SendFrame means that the connection is unusable, not only that this frame failed.
bool IsPeerGone(const Error& error);

// Moves a payload that is too long for a frame to a memfd in `fds`, so that it can be sent several times.
// No-op for a shorter payload.
Result<> MovePayload(std::string& payload, Descriptors& fds);

// A connected pair of SEQPACKET sockets with FD_CLOEXEC.
Result<std::pair<UniqueFd, UniqueFd>> FramePair();

}  // namespace davit
