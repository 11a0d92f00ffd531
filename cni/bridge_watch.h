// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Waits for what others do to a bridge.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cni/netlink.h"
#include "cni/network_changes.h"

namespace davit::cni {

// One thread, which sleeps until the kernel announces a change. It then collects announcements for a short
// time, so that a storm of them costs little, and judges their sum.
class BridgeWatch {
 public:
  using Judge = std::function<bool(const NetworkChanges&)>;
  enum class Routes : uint8_t { kIgnored, kWatched };

  // Watches the calling thread's network namespace. Calls `judge` for changes and, if that is true, `notify`,
  // both on the thread; after a notification the next one follows a second later at the earliest. Changes of
  // nftables by the netlink port `own_port` do not count.
  static Result<std::unique_ptr<BridgeWatch>> Start(uint32_t own_port, Routes watched, Judge judge,
                                                    std::function<void()> notify);
  ~BridgeWatch();

 private:
  using Clock = std::chrono::steady_clock;

  BridgeWatch(NetlinkSocket routes, NetlinkSocket rules, UniqueFd stop, Judge judge,
              std::function<void()> notify);
  void Run();
  bool Sleep(int timeout_ms, bool until_change);
  NetworkChanges Collect();

  NetlinkSocket routes_;
  NetlinkSocket rules_;
  const UniqueFd stop_;  // eventfd; written once
  const Judge judge_;
  const std::function<void()> notify_;
  std::thread thread_;  // last member, because it uses the others
};

}  // namespace davit::cni
