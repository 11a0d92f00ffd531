// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/session_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "base/codec.h"
#include "shim/failure.h"
#include "shim/session.h"

namespace davit::cli {
namespace {

constexpr int kPatienceMs = 10'000;

template <typename Message>
void Send(int connection, shim::SessionMessage type, const Message& message) {
  (void)SendFrame(connection, static_cast<uint32_t>(type), /*request_id=*/0, message);
}

}  // namespace

Result<SessionLink> SessionLink::Open(const Daemon& daemon) {
  constexpr std::string_view kScheme = "unix://";
  std::string path = daemon.address().substr(kScheme.size()) + shim::kSessionSocketSuffix;
  Result<SessionLink> link = Connect(path);
  if (link || link.error().code != Code::kUnavailable) return link;
  TRY(daemon.Call(&RuntimeStub::Version, v1::VersionRequest()));  // waits until it serves
  return Connect(path);
}

Result<SessionLink> SessionLink::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Fail(Code::kInvalidArgument, "connect", path, "the path of a socket has at most 107 bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!connection) return SystemError("socket", path);
  if (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    Error error = SystemError("connect to", path).error();
    if (error.os_errno == ENOENT || error.os_errno == ECONNREFUSED) error.code = Code::kUnavailable;
    return std::unexpected(std::move(error));
  }
  SessionLink link(std::move(connection));
  Result<Frame> frame = link.Await("session");
  if (!frame)
    return Fail(
        Code::kResourceExhausted, "begin session at", path,
        "the daemon has closed the connection: you may not use it, or too many sessions begin just now");
  link.token_ = TRY(Decode<shim::SessionToken>(frame->payload, "SessionToken")).token;
  return link;
}

Result<Frame> SessionLink::Await(const char* what) const {
  pollfd readable{connection_.get(), POLLIN, 0};
  if (TEMP_FAILURE_RETRY(poll(&readable, 1, kPatienceMs)) != 1)
    return Fail(Code::kDeadlineExceeded, "begin", what, "the daemon sends nothing");
  return ReceiveFrame(connection_.get());
}

Result<Descriptors> SessionLink::TakeStreams() {
  Frame frame = TRY(Await("streams"));
  if (frame.type != static_cast<uint32_t>(shim::SessionMessage::kStreams))
    return Fail(Code::kInternal, "begin", "streams", "the daemon sends something else");
  return std::move(frame.fds);
}

Result<Frame> SessionLink::Receive() {
  return shim::AnswerIn(TRY(ReceiveFrame(connection_.get())));
}

void SessionLink::Signal(int signo) const {
  Send(connection_.get(), shim::SessionMessage::kSignal, Encode(shim::SessionSignal{signo}));
}

void SessionLink::Detach() const {
  Send(connection_.get(), shim::SessionMessage::kDetach, std::string());
}

}  // namespace davit::cli
