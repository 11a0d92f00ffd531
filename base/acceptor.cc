// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/acceptor.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace davit {

Acceptor::Acceptor(EventLoop& loop, UniqueFd listener, UniqueFd pause, OnConnection on_connection)
    : loop_(loop),
      listener_(std::move(listener)),
      pause_(std::move(pause)),
      on_connection_(std::move(on_connection)) {}

Result<std::unique_ptr<Acceptor>> Acceptor::Start(EventLoop& loop, UniqueFd listener,
                                                  OnConnection on_connection) {
  UniqueFd pause(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!pause) return SystemError("timerfd_create", "acceptor");
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(loop, std::move(listener), std::move(pause), std::move(on_connection)));
  Acceptor* self = acceptor.get();
  TRY(loop.Add(self->pause_.get(), EPOLLIN, [self](uint32_t) { self->Continue(); }));
  TRY(loop.Add(self->listener_.get(), EPOLLIN, [self](uint32_t) { self->Accept(); }));
  return acceptor;
}

Acceptor::~Acceptor() {
  loop_.Remove(listener_.get());
  loop_.Remove(pause_.get());
}

void Acceptor::Accept() {
  UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection) return on_connection_(std::move(connection));
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) Pause();
}

void Acceptor::Pause() {
  itimerspec second{};
  second.it_value.tv_sec = 1;
  timerfd_settime(pause_.get(), 0, &second, nullptr);
  [[maybe_unused]] Result<> paused = loop_.Modify(listener_.get(), 0);
}

void Acceptor::Continue() {
  uint64_t expirations = 0;
  [[maybe_unused]] ssize_t n = read(pause_.get(), &expirations, sizeof expirations);
  [[maybe_unused]] Result<> continued = loop_.Modify(listener_.get(), EPOLLIN);
}

}  // namespace davit
