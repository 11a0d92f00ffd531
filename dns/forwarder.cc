// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/forwarder.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.h"

namespace davit::dns {
namespace {

constexpr size_t kLengthBytes = 2;  // before each message over TCP
constexpr size_t kMostDatagram = 4'096;
// Datagrams that are read at once: forged ones must not hold up the others.
constexpr int kMostAtOnce = 16;

uint16_t RandomId() {
  uint16_t id = 0;
  while (getrandom(&id, sizeof id, 0) != sizeof id) {
  }
  return id;
}

}  // namespace

Forwarder::~Forwarder() {
  for (auto& [id, question] : questions_) Close(*question);
}

std::optional<Forwarder::Id> Forwarder::Ask(Query query, Transport transport,
                                            std::vector<ServerAddress> servers, Done done) {
  if (questions_.size() >= limits_.most || servers.empty()) return std::nullopt;
  Id id = ++last_;
  auto question =
      std::make_unique<Question>(id, std::move(query), transport, std::move(servers), std::move(done));
  question->deadline_ms = SystemClock().MonotonicMilliseconds() + limits_.total_ms;
  // Later: what fails at once is not to call `done` before this returns.
  question->timer = timers_.In(0, [this, id] { TryNext(id); });
  questions_.emplace(id, std::move(question));
  return id;
}

void Forwarder::Cancel(Id id) {
  auto question = questions_.extract(id);
  if (!question.empty()) Close(*question.mapped());
}

void Forwarder::TryNext(Id id) {
  auto found = questions_.find(id);
  if (found == questions_.end()) return;
  Question& question = *found->second;
  Close(question);
  while (question.next_server < question.servers.size()) {
    int64_t left = question.deadline_ms - SystemClock().MonotonicMilliseconds();
    if (left <= 0) break;
    if (!Send(question, question.servers[question.next_server++])) {
      Close(question);
      continue;
    }
    question.timer = timers_.In(std::min(left, limits_.server_ms), [this, id] { TryNext(id); });
    return;
  }
  Finish(id, std::nullopt);
}

Result<> Forwarder::Send(Question& question, const ServerAddress& server) {
  bool udp = question.transport == Transport::kUdp;
  question.socket.Reset(
      socket(server.address.family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!question.socket) return SystemError("socket", "dns");
  sockaddr_storage address;
  socklen_t size = server.ToSocketAddress(address);
  int fd = question.socket.get();
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), size) < 0 && errno != EINPROGRESS)
    return SystemError("connect", server.address.ToString());
  question.sent_id = RandomId();
  question.received.clear();
  question.to_send = question.query.bytes;
  SetId(question.to_send, question.sent_id);
  if (udp) {
    if (send(fd, question.to_send.data(), question.to_send.size(), MSG_NOSIGNAL) < 0)
      return SystemError("send", server.address.ToString());
  } else {
    auto length = static_cast<uint16_t>(question.to_send.size());
    question.to_send.insert(0, {static_cast<char>(length >> 8), static_cast<char>(length)});
  }
  return loop_.Add(fd, udp ? EPOLLIN : EPOLLIN | EPOLLOUT,
                   [this, id = question.id](uint32_t events) { OnReady(id, events); });
}

void Forwarder::OnReady(Id id, uint32_t events) {
  auto found = questions_.find(id);
  if (found == questions_.end()) return;
  Question& question = *found->second;
  if (question.transport == Transport::kUdp) return ReceiveDatagrams(question);
  if (!Exchange(question, events)) TryNext(id);
}

void Forwarder::ReceiveDatagrams(Question& question) {
  std::array<char, kMostDatagram> buffer;
  for (int i = 0; i < kMostAtOnce; ++i) {
    ssize_t size = recv(question.socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) return TryNext(question.id);  // nobody listens there
    std::string_view packet(buffer.data(), static_cast<size_t>(size));
    if (IsAnswerTo(question.query, question.sent_id, packet)) return Take(question, std::string(packet));
  }
}

bool Forwarder::Exchange(Question& question, uint32_t events) {
  int fd = question.socket.get();
  if ((events & EPOLLOUT) != 0 && !question.to_send.empty()) {
    ssize_t sent = send(fd, question.to_send.data(), question.to_send.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    question.to_send.erase(0, static_cast<size_t>(sent));
    if (question.to_send.empty() && !loop_.Modify(fd, EPOLLIN)) return false;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return true;
  std::array<char, kMostDatagram> buffer;
  ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  question.received.append(buffer.data(), static_cast<size_t>(size));
  if (question.received.size() < kLengthBytes) return true;
  size_t whole = kLengthBytes + IdOf(question.received);  // the length is written as an id is
  if (question.received.size() < whole) return true;
  std::string answer = question.received.substr(kLengthBytes, whole - kLengthBytes);
  if (!IsAnswerTo(question.query, question.sent_id, answer)) return false;
  Take(question, std::move(answer));
  return true;
}

void Forwarder::Take(Question& question, std::string answer) {
  Finish(question.id, PassOn(question.query, std::move(answer), question.transport));
}

void Forwarder::Close(Question& question) {
  timers_.Cancel(question.timer);
  if (!question.socket) return;
  loop_.Remove(question.socket.get());
  question.socket.Reset();
}

void Forwarder::Finish(Id id, std::optional<std::string> answer) {
  auto question = questions_.extract(id);
  Close(*question.mapped());
  question.mapped()->done(std::move(answer));
}

}  // namespace davit::dns
