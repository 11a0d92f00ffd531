// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/testing/fake_sessions.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/codec.h"
#include "base/frame.h"
#include "shim/protocol.h"
#include "shim/session.h"

namespace davit::cli {
namespace {

constexpr int kBacklog = 16;

Result<> Send(int connection, shim::SessionMessage type, std::string_view payload,
              std::span<const RoleFd> fds = {}) {
  return SendFrame(connection, static_cast<uint32_t>(type), /*request_id=*/0, payload, fds);
}

// The first end is the client's.
std::pair<UniqueFd, UniqueFd> NewPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) abort();
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

FakeSessions::FakeSessions(const std::string& daemon)
    : listener_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
  std::string path = daemon + shim::kSessionSocketSuffix;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) abort();
  std::memcpy(address.sun_path, path.data(), path.size());
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) abort();
  if (listen(listener_.get(), kBacklog) < 0) abort();
  thread_ = std::thread([this] { Serve(); });
}

FakeSessions::~FakeSessions() {
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

void FakeSessions::Serve() {
  for (int count = 0;; ++count) {
    UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    std::string token = "token-" + std::to_string(count);
    std::scoped_lock lock(mutex_);
    int fd = connection.get();
    connections_[token] = std::move(connection);
    (void)Send(fd, shim::SessionMessage::kToken, Encode(shim::SessionToken{token}));
  }
}

Result<FakeStreams> FakeSessions::Begin(const std::string& token) {
  std::scoped_lock lock(mutex_);
  auto found = connections_.find(token);
  if (found == connections_.end()) return Fail(Code::kNotFound, "begin", "session", "no such token");
  UniqueFd connection = std::move(found->second);
  connections_.erase(found);
  auto [client_out, out] = NewPipe();
  auto [client_err, err] = NewPipe();
  UniqueFd cut_off(eventfd(0, EFD_CLOEXEC));
  const RoleFd fds[] = {{shim::FdRole::kStdout, client_out.get()},
                        {shim::FdRole::kStderr, client_err.get()},
                        {shim::FdRole::kCutOff, cut_off.get()}};
  TRY(Send(connection.get(), shim::SessionMessage::kStreams, "", fds));
  return FakeStreams{std::move(out), std::move(err), std::move(cut_off)};
}

}  // namespace davit::cli
