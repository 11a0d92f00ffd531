// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/bridge_watch.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/guarded.h"

namespace davit::cni {
namespace {

constexpr int kReceiveBuffer = 2 << 20;  // some hundred pods that start or end at the same moment
constexpr std::chrono::milliseconds kCollect(100);
constexpr std::chrono::milliseconds kBetweenNotifications(1'000);

constexpr int kGroups[] = {RTNLGRP_LINK,         RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                           RTNLGRP_IPV4_NETCONF, RTNLGRP_TC,          RTNLGRP_IPV6_NETCONF};

// Each transaction ends with one message about the new generation: that one is enough. Classic programs load
// numbers as if they were big-endian.
Result<> HearOthersTransactionsOnly(NetlinkSocket& rules, uint32_t own_port) {
  constexpr uint32_t kPass = 0xffffffff;
  constexpr uint16_t kNewGeneration = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;
  const sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(kNewGeneration), 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(nlmsghdr, nlmsg_pid)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own_port), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, kPass),
  };
  return rules.SetFilter(program);
}

}  // namespace

Result<std::unique_ptr<BridgeWatch>> BridgeWatch::Start(uint32_t own_port, Routes watched, Judge judge,
                                                        std::function<void()> notify) {
  UniqueFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return SystemError("eventfd", "bridge watch");
  NetlinkSocket routes = TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  NetlinkSocket rules = TRY(NetlinkSocket::Open(NETLINK_NETFILTER));
  routes.SetReceiveBuffer(kReceiveBuffer);
  for (int group : kGroups) TRY(routes.Subscribe(group));
  if (watched == Routes::kWatched)
    for (int group : {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}) TRY(routes.Subscribe(group));
  TRY(HearOthersTransactionsOnly(rules, own_port));
  TRY(rules.Subscribe(NFNLGRP_NFTABLES));
  return std::unique_ptr<BridgeWatch>(new BridgeWatch(std::move(routes), std::move(rules), std::move(stop),
                                                      std::move(judge), std::move(notify)));
}

BridgeWatch::BridgeWatch(NetlinkSocket routes, NetlinkSocket rules, UniqueFd stop, Judge judge,
                         std::function<void()> notify)
    : routes_(std::move(routes)),
      rules_(std::move(rules)),
      stop_(std::move(stop)),
      judge_(std::move(judge)),
      notify_(std::move(notify)),
      thread_([this] { Run(); }) {}

BridgeWatch::~BridgeWatch() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void BridgeWatch::Run() {
  Clock::time_point earliest = Clock::now();
  while (Sleep(/*timeout_ms=*/-1, /*until_change=*/true)) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(earliest - Clock::now());
    if (!Sleep(static_cast<int>(std::max(left, kCollect).count()), /*until_change=*/false)) return;
    bool concerns = true;  // a turn that fails may have lost what happened
    RunGuarded("bridge watch", [&] { concerns = judge_(Collect()); });
    if (!concerns) continue;
    RunGuarded("bridge watch", notify_);
    earliest = Clock::now() + kBetweenNotifications;
  }
}

// False when the thread is to end.
bool BridgeWatch::Sleep(int timeout_ms, bool until_change) {
  pollfd waits[] = {{stop_.get(), POLLIN, 0}, {routes_.fd(), POLLIN, 0}, {rules_.fd(), POLLIN, 0}};
  TEMP_FAILURE_RETRY(poll(waits, until_change ? 3 : 1, timeout_ms));
  return waits[0].revents == 0;
}

NetworkChanges BridgeWatch::Collect() {
  NetworkChanges changes;
  Result<bool> complete = routes_.ReadEvents([&](const nlmsghdr* event) { changes.Add(event); });
  changes.lost = !complete.value_or(false);
  complete = rules_.ReadEvents([&](const nlmsghdr*) { changes.rules = true; });
  changes.lost = changes.lost || !complete.value_or(false);
  return changes;
}

}  // namespace davit::cni
