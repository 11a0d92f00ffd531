// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/sync.h"

#include <fcntl.h>

#include "base/codec.h"
#include "base/error_message.h"

namespace davit::shim {
namespace {
constexpr int kFailedChildStatus = 1;
}  // namespace

Result<SyncPair> MakeSyncPair() {
  auto [shim, child] = TRY(FramePair());
  if (fcntl(shim.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl", "sync socket");
  return SyncPair{std::move(shim), std::move(child)};
}

Result<> SendSync(int socket, SyncMessage message, std::string_view payload, std::span<const RoleFd> fds) {
  return SendFrame(socket, static_cast<uint32_t>(message), 0, payload, fds);
}

Result<std::optional<Frame>> AwaitChild(int socket) {
  Result<Frame> frame = ReceiveFrame(socket);
  if (!frame) {
    bool closed = frame.error().os_errno == 0 && frame.error().code == Code::kUnavailable;
    if (closed) return std::optional<Frame>();
    return std::unexpected(frame.error());
  }
  if (frame->type == static_cast<uint32_t>(SyncMessage::kFailed)) {
    return std::unexpected(ToError(TRY(Decode<ErrorMessage>(frame->payload, "failure"))));
  }
  return std::optional(std::move(*frame));
}

Result<> AwaitRelease(int socket) {
  Frame frame = TRY(ReceiveFrame(socket));
  if (frame.type != static_cast<uint32_t>(SyncMessage::kRelease)) {
    return Fail(Code::kInternal, "await release", "sync socket", "unexpected message");
  }
  return {};
}

void ReportAndExit(int socket, const Error& error) {
  [[maybe_unused]] Result<> sent = SendSync(socket, SyncMessage::kFailed, Encode(ToMessage(error)));
  _exit(kFailedChildStatus);
}

}  // namespace davit::shim
