// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/frame.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>

namespace davit {
namespace {

struct Header {
  uint32_t magic;
  uint16_t version;
  uint16_t type;
  uint32_t request_id;
  uint32_t length;
};
static_assert(sizeof(Header) == 16);

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

}  // namespace

Result<> SendFrame(int socket, uint16_t version, uint16_t type, uint32_t request_id, std::string_view payload,
                   std::span<const int> fds) {
  if (payload.size() > kMaxFramePayload || fds.size() > kMaxFrameFds) {
    return Fail(Code::kInvalidArgument, "send frame", std::to_string(type), "too large");
  }
  Header header{kFrameMagic, version, type, request_id, static_cast<uint32_t>(payload.size())};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<char*>(payload.data()), payload.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFrameFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
  }
  if (TEMP_FAILURE_RETRY(sendmsg(socket, &message, MSG_NOSIGNAL)) < 0) {
    int err = errno;
    auto failure = SystemError("sendmsg", "frame " + std::to_string(type), err);
    if (err == EAGAIN) failure.error().code = Code::kUnavailable;
    return failure;
  }
  return {};
}

Result<Frame> ReceiveFrame(int socket) {
  Header header{};
  Frame frame;
  char payload[kMaxFramePayload];  // not cleared: only the pages that a message fills are ever touched
  iovec parts[2] = {{&header, sizeof header}, {payload, sizeof payload}};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFrameFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = TEMP_FAILURE_RETRY(recvmsg(socket, &message, MSG_CMSG_CLOEXEC));
  if (n < 0) {
    int err = errno;
    auto failure = SystemError("recvmsg", "frame", err);
    if (err == EAGAIN) failure.error().code = Code::kUnavailable;
    return failure;
  }
  frame.fds = TakeDescriptors(message);
  if (n == 0) return Fail(Code::kUnavailable, "recvmsg", "frame", "the peer closed the connection");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || static_cast<size_t>(n) < sizeof header ||
      header.magic != kFrameMagic || header.length != static_cast<size_t>(n) - sizeof header) {
    return Fail(Code::kDataLoss, "recvmsg", "frame", "malformed");
  }
  frame.version = header.version;
  frame.type = header.type;
  frame.request_id = header.request_id;
  frame.payload.assign(payload, header.length);
  return frame;
}

Result<std::pair<UniqueFd, UniqueFd>> FramePair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return SystemError("socketpair", "SEQPACKET");
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

}  // namespace davit
