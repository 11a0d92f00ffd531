// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/session_table.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/codec.h"
#include "base/frame.h"
#include "base/ids.h"
#include "shim/session.h"

namespace davit::cri {
namespace {

constexpr size_t kTokenDigits = 32;

Result<uid_t> UserOf(int connection) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
    return SystemError("getsockopt(SO_PEERCRED)", "session");
  return peer.uid;
}

Result<> SendToken(int connection, const std::string& token) {
  return SendFrame(connection, static_cast<uint32_t>(shim::SessionMessage::kToken), /*request_id=*/0,
                   Encode(shim::SessionToken{token}));
}

}  // namespace

Result<std::unique_ptr<SessionTable>> SessionTable::Start(Reactor& reactor, UniqueFd listener,
                                                          std::function<bool(int)> may_use,
                                                          std::chrono::milliseconds lifetime) {
  UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return SystemError("timerfd_create", "sessions");
  std::unique_ptr<SessionTable> table(
      new SessionTable(reactor, std::move(may_use), lifetime, std::move(timer)));
  Result<> opened;
  reactor.Await([&] { opened = table->Open(std::move(listener)); });
  TRY(opened);
  return table;
}

SessionTable::~SessionTable() {
  reactor_.Await([this] {
    acceptor_.reset();
    while (!waiting_.empty()) Forget(waiting_.begin()->first);
    reactor_.loop().Remove(timer_.get());
  });
}

Result<> SessionTable::Open(UniqueFd listener) {
  TRY(reactor_.loop().Add(timer_.get(), EPOLLIN, [this](uint32_t) { Expire(); }));
  acceptor_ = TRY(Acceptor::Start(reactor_.loop(), std::move(listener),
                                  [this](UniqueFd connection) { Accept(std::move(connection)); }));
  return {};
}

// Whatever fails here closes the connection, which is all that its client needs to know.
void SessionTable::Accept(UniqueFd connection) {
  if (!may_use_(connection.get())) return;
  Result<uid_t> user = UserOf(connection.get());
  Result<std::string> id = NewId();
  if (!user || !HasRoomFor(*user) || !id) return;
  std::string token = id->substr(0, kTokenDigits);
  // What the client sends is for whoever gets the connection: here only its end counts.
  Result<> watched =
      reactor_.loop().Add(connection.get(), EPOLLRDHUP, [this, token](uint32_t) { Forget(token); });
  if (!watched) return;
  Waiting& waiting = waiting_[token];
  waiting = {std::move(connection), *user, Clock::now() + lifetime_};
  if (!SendToken(waiting.connection.get(), token)) return Forget(token);
  if (waiting_.size() == 1) SetTimer();
}

bool SessionTable::HasRoomFor(uid_t user) const {
  auto of_user = std::ranges::count_if(waiting_, [user](const auto& w) { return w.second.user == user; });
  return waiting_.size() < kMostWaiting && static_cast<size_t>(of_user) < kMostOfOneUser;
}

void SessionTable::Forget(const std::string& token) {
  auto found = waiting_.find(token);
  if (found == waiting_.end()) return;
  reactor_.loop().Remove(found->second.connection.get());
  waiting_.erase(found);
}

void SessionTable::Expire() {
  uint64_t expirations = 0;
  [[maybe_unused]] ssize_t n = read(timer_.get(), &expirations, sizeof expirations);
  Clock::time_point now = Clock::now();
  std::vector<std::string> expired;
  for (const auto& [token, waiting] : waiting_) {
    if (waiting.until <= now) expired.push_back(token);
  }
  for (const std::string& token : expired) Forget(token);
  if (!waiting_.empty()) SetTimer();
}

void SessionTable::SetTimer() {
  auto first = std::ranges::min_element(waiting_, {}, [](const auto& w) { return w.second.until; });
  auto left =
      std::max(std::chrono::nanoseconds(first->second.until - Clock::now()), std::chrono::nanoseconds(1));
  itimerspec at{};
  at.it_value.tv_sec = left.count() / 1'000'000'000;
  at.it_value.tv_nsec = left.count() % 1'000'000'000;
  timerfd_settime(timer_.get(), 0, &at, nullptr);
}

Result<UniqueFd> SessionTable::Take(const std::string& token) {
  UniqueFd connection;
  reactor_.Await([&] {
    auto found = waiting_.find(token);
    if (found == waiting_.end()) return;
    reactor_.loop().Remove(found->second.connection.get());
    connection = std::move(found->second.connection);
    waiting_.erase(found);
  });
  if (connection) return connection;
  return Fail(Code::kNotFound, "begin", "session",
              "its token was used before or has expired, or its connection has ended");
}

std::string SessionSocketPath(const std::string& path) {
  return path + shim::kSessionSocketSuffix;
}

Result<UniqueFd> OpenSessionSocket(const std::string& path) {
  std::string own = SessionSocketPath(path);
  sockaddr_un address{};
  if (own.size() >= sizeof address.sun_path)
    return Fail(Code::kInvalidArgument, "listen", own, "the path of a socket has at most 107 bytes");
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, own.data(), own.size());
  struct stat like{}, found{};
  if (stat(path.c_str(), &like) < 0) return SystemError("stat", path);
  if (lstat(own.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode))
    return Fail(Code::kFailedPrecondition, "listen", own, "a file that is not a socket is there");
  if (unlink(own.c_str()) < 0 && errno != ENOENT) return SystemError("unlink", own);
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return SystemError("socket", own);
  // The file gets the socket's mode less the umask: at no time is it open to others.
  if (fchmod(socket.get(), 0600) < 0) return SystemError("fchmod", own);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return SystemError("bind", own);
  if (lchown(own.c_str(), like.st_uid, like.st_gid) < 0) return SystemError("chown", own);
  if (chmod(own.c_str(), like.st_mode & 0777) < 0) return SystemError("chmod", own);
  if (listen(socket.get(), SOMAXCONN) < 0) return SystemError("listen", own);
  return socket;
}

}  // namespace davit::cri
