// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/responders.h"

#include <algorithm>

#include "base/clock.h"

namespace davit::dns {

Responders::~Responders() {
  MutexLock lock(mutex_);
  if (reactor_ == nullptr) return;
  reactor_->Await([this] {
    servers_.clear();
    forwarder_.reset();
    timers_.reset();
  });
}

Result<> Responders::Begin() {
  if (reactor_ != nullptr) return {};
  std::unique_ptr<Reactor> reactor = TRY(Reactor::Start());
  Result<> begun;
  reactor->Await([&] {
    auto timers = Timers::Create(reactor->loop());
    if (!timers) {
      begun = std::unexpected(std::move(timers).error());
      return;
    }
    timers_ = std::move(*timers);
    forwarder_ = std::make_unique<Forwarder>(reactor->loop(), *timers_, Forwarder::Limits());
  });
  TRY(std::move(begun));
  reactor_ = std::move(reactor);
  return {};
}

// A host that asks one of our responders, by its resolv.conf, must not be asked by it.
std::vector<ServerAddress> Responders::HostServers() {
  std::vector<ServerAddress> servers = host_servers_.At(SystemClock().MonotonicMilliseconds());
  std::erase_if(servers, [this](const ServerAddress& server) {
    return std::ranges::any_of(own_addresses_, [&](const auto& of_network) {
      return std::ranges::find(of_network.second, server.address) != of_network.second.end();
    });
  });
  return servers;
}

Result<> Responders::Serve(const std::string& network, const ServerConfig& config,
                           std::shared_ptr<const Names> names) {
  MutexLock lock(mutex_);
  TRY(Begin());
  devices_.erase(network);
  Result<> serves;
  reactor_->Await([&, loop = &reactor_->loop()] {
    servers_.erase(network);
    auto server = Server::Open({*loop, *timers_, *forwarder_, [this] { return HostServers(); }}, config,
                               std::move(names));
    if (!server) {
      serves = std::unexpected(std::move(server).error());
      return;
    }
    servers_.emplace(network, std::move(*server));
    own_addresses_[network] = config.addresses;
  });
  if (serves) devices_[network] = config.device;
  return serves;
}

void Responders::Stop(const std::string& network) {
  MutexLock lock(mutex_);
  devices_.erase(network);
  if (reactor_ == nullptr) return;
  reactor_->Await([&] {
    servers_.erase(network);
    own_addresses_.erase(network);
  });
}

std::optional<uint32_t> Responders::DeviceOf(const std::string& network) const {
  MutexLock lock(mutex_);
  auto device = devices_.find(network);
  return device == devices_.end() ? std::nullopt : std::optional(device->second);
}

}  // namespace davit::dns
