// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a session uses. All of it is valid while the connection exists; only the reactor and `serving` are
// valid after that.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/guarded.h"
#include "base/reactor.h"
#include "streaming/channels.h"
#include "streaming/targets.h"

namespace davit::streaming {

struct SessionContext {
  // Shared with callbacks that may be called after the server is destroyed.
  std::shared_ptr<Reactor> reactor;
  StreamTargets& targets;
  ChannelLink& link;
  std::span<char> scratch;
  int64_t creation_timeout_ms;
  // The session calls it when congested() becomes false.
  std::function<void()> on_relief;
  // Ends the session after an exception.
  std::function<void(const Error&)> on_exception;
  // Read on the reactor's thread. False after the server has ended: the targets may be destroyed then.
  std::shared_ptr<const bool> serving;
};

// Returns a callback for any thread. It runs `method` of `session` on the reactor's thread, or `too_late` if
// the session is destroyed by then. An exception ends the session.
template <typename Session, typename Argument>
std::function<void(Argument)> OnReactor(const SessionContext& context, std::weak_ptr<Session> session,
                                        void (Session::*method)(Argument),
                                        std::function<void(const Argument&)> too_late = nullptr) {
  return [reactor = context.reactor, on_exception = context.on_exception, session, method,
          too_late](Argument argument) {
    // std::function copies what it holds, and descriptors cannot be copied.
    auto held = std::make_shared<Argument>(std::move(argument));
    reactor->Post([on_exception, session, method, too_late, held] {
      auto alive = session.lock();
      if (alive == nullptr) return too_late != nullptr ? too_late(*held) : void();
      try {
        (alive.get()->*method)(std::move(*held));
      } catch (...) {
        on_exception(CurrentException("serve", "a stream"));
      }
    });
  };
}

}  // namespace davit::streaming
