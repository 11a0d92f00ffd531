// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a session works with; all of it outlives the session.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/reactor.h"
#include "streaming/channels.h"
#include "streaming/targets.h"

namespace davit {

struct SessionContext {
  // Shared with callbacks that come when the server is gone.
  std::shared_ptr<Reactor> reactor;
  StreamTargets& targets;
  ChannelLink& link;
  std::span<char> scratch;
  int64_t creation_timeout_ms;
  // To be called when congested() becomes false.
  std::function<void()> on_relief;
};

// A callback for any thread that runs `method` of `session` on the reactor, if the session still lives then.
template <typename Session, typename Argument>
std::function<void(Argument)> OnReactor(const SessionContext& context, std::weak_ptr<Session> session,
                                        void (Session::*method)(Argument)) {
  return [reactor = context.reactor, session, method](Argument argument) {
    // std::function copies what it holds, and descriptors cannot be copied.
    auto held = std::make_shared<Argument>(std::move(argument));
    reactor->Post([session, method, held] {
      if (auto alive = session.lock()) (alive.get()->*method)(std::move(*held));
    });
  };
}

}  // namespace davit
