// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "base/codec.h"
#include "base/memfd.h"

namespace davit {
namespace {

constexpr size_t kMaxFds = kMaxFrameFds + 1;  // with the payload's
constexpr size_t kMaxEnvelope = 2048;         // all but the payload
constexpr size_t kMaxPlainEnvelope = 32;

struct Envelope {
  uint32_t type = 0;
  uint32_t request_id = 0;
  std::vector<uint32_t> roles;
  std::string payload;

  // The payload is the last field: what is before it is known of a frame that was cut.
  auto Fields() {
    return FieldList(Field<1>(type), Field<2>(request_id), Field<3>(roles), Field<4>(payload));
  }
};

Result<> CheckCount(std::span<const RoleFd> fds, bool has_payload) {
  auto payloads = static_cast<size_t>(std::ranges::count(fds, kPayloadRole, &RoleFd::role));
  if (payloads + (has_payload ? 1 : 0) > 1)
    return Fail(Code::kInvalidArgument, "send frame", "payload", "there are two");
  size_t others = fds.size() - payloads;
  if (others <= kMaxFrameFds) return {};
  return Fail(Code::kInvalidArgument, "send frame", std::to_string(others) + " descriptors",
              "more than " + std::to_string(kMaxFrameFds));
}

Result<UniqueFd> MakePayload(std::string_view payload) {
  if (payload.size() > kMaxPayload) {
    return Fail(Code::kInvalidArgument, "send frame", std::to_string(payload.size()) + " bytes", "too large");
  }
  return MakeSealedMemfd("davit-payload", payload);
}

void PutDescriptors(msghdr& message, std::span<const int> fds, char* control) {
  if (fds.empty()) return;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
}

Result<> Transmit(int socket, const std::string& bytes, std::span<const int> fds, uint32_t type) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  PutDescriptors(message, fds, control);
  if (TEMP_FAILURE_RETRY(sendmsg(socket, &message, MSG_NOSIGNAL)) >= 0) return {};
  int err = errno;
  auto failure = SystemError("sendmsg", "frame " + std::to_string(type), err);
  if (err == EAGAIN) failure.error().code = Code::kUnavailable;
  return failure;
}

std::vector<UniqueFd> TakeDescriptors(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

// What recvmsg gave, before anything of it is believed.
struct Received {
  std::string_view bytes;
  std::vector<UniqueFd> fds;
  int flags = 0;
};

// Without room in `control` the kernel closes all descriptors (MSG_CTRUNC).
Result<Received> Receive(int socket, std::span<char> buffer, std::span<char> control, int flags) {
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  auto receive = [&] { return TEMP_FAILURE_RETRY(recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC)); };
  ssize_t n = receive();
  // The peer has closed and left something unread. That is told once, before what it had sent itself.
  if (n < 0 && errno == ECONNRESET) n = receive();
  if (n < 0) {
    int err = errno;
    auto failure = SystemError("recvmsg", "frame", err);
    if (err == EAGAIN) failure.error().code = Code::kUnavailable;
    return failure;
  }
  if (n == 0) return Fail(Code::kUnavailable, "recvmsg", "frame", "the peer closed the connection");
  return Received{{buffer.data(), static_cast<size_t>(n)}, TakeDescriptors(message), message.msg_flags};
}

std::unexpected<Error> Damaged(std::string_view what) {
  return Fail(Code::kDataLoss, "recvmsg", "frame", what);
}

Result<> TakePayload(Frame& frame) {
  UniqueFd memfd = frame.fds.Take(kPayloadRole);
  if (!memfd) return {};
  Result<std::string> payload = ReadSealedMemfd(memfd.get(), kMaxPayload);
  if (!payload) return Damaged("payload: " + payload.error().ToString());
  frame.payload = std::move(*payload);
  return {};
}

}  // namespace

Result<> SendFrame(int socket, uint32_t type, uint32_t request_id, std::string_view payload,
                   std::span<const RoleFd> fds) {
  bool in_memfd = payload.size() > kMaxInlinePayload;
  TRY(CheckCount(fds, in_memfd));
  Envelope envelope{type, request_id, {}, {}};
  int numbers[kMaxFds];
  size_t count = 0;
  for (const RoleFd& fd : fds) {
    envelope.roles.push_back(fd.role);
    numbers[count++] = fd.fd;
  }
  UniqueFd memfd;
  if (in_memfd) {
    memfd = TRY(MakePayload(payload));
    envelope.roles.push_back(kPayloadRole);
    numbers[count++] = memfd.get();
  } else {
    envelope.payload = payload;
  }
  return Transmit(socket, Encode(envelope), {numbers, count}, type);
}

Result<Frame> ReceiveFrame(int socket, DamagedFrame* damaged) {
  char buffer[kMaxInlinePayload + kMaxEnvelope];  // not cleared: only pages that a message fills are touched
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  Received received = TRY(Receive(socket, buffer, control, /*flags=*/0));
  Envelope envelope;
  Result<> decoded = codec::DecodeMessage(codec::kTypeOf<Envelope>, &envelope, received.bytes, "frame");
  if (damaged != nullptr) *damaged = {envelope.type, envelope.request_id};
  if (!decoded) return std::unexpected(std::move(decoded).error());
  if ((received.flags & MSG_TRUNC) != 0) return Damaged("cut short");
  // Out of descriptors, most likely (recvmsg(2)).
  if ((received.flags & MSG_CTRUNC) != 0) return Damaged("descriptors were lost");
  if (envelope.type == 0) return Damaged("no type");
  if (envelope.roles.size() != received.fds.size())
    return Damaged("as many roles as descriptors are expected");
  Frame frame{envelope.type, envelope.request_id, std::move(envelope.payload), {}};
  for (size_t i = 0; i < received.fds.size(); ++i)
    frame.fds.Add(envelope.roles[i], std::move(received.fds[i]));
  TRY(TakePayload(frame));
  return frame;
}

Result<Frame> ReceivePlainFrame(int socket) {
  char buffer[kMaxPlainPayload + kMaxPlainEnvelope];
  Received received = TRY(Receive(socket, buffer, {}, MSG_DONTWAIT));
  if ((received.flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Damaged("too long, or with descriptors");
  Envelope envelope;
  TRY(codec::DecodeMessage(codec::kTypeOf<Envelope>, &envelope, received.bytes, "frame"));
  if (envelope.type == 0 || !envelope.roles.empty() || envelope.payload.size() > kMaxPlainPayload)
    return Damaged("no type, roles, or too long");
  return Frame{envelope.type, envelope.request_id, std::move(envelope.payload), {}};
}

bool IsPeerGone(const Error& error) {
  return error.os_errno == EPIPE || error.os_errno == ECONNRESET || error.os_errno == ENOTCONN ||
         error.os_errno == EBADF;
}

Result<> MovePayload(std::string& payload, Descriptors& fds) {
  if (payload.size() <= kMaxInlinePayload) return {};
  fds.Add(kPayloadRole, TRY(MakePayload(payload)));
  payload = {};
  return {};
}

Result<std::pair<UniqueFd, UniqueFd>> FramePair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return SystemError("socketpair", "SEQPACKET");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace davit
