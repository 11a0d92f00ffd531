// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The responders of all networks, on one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "dns/forwarder.h"
#include "dns/server.h"
#include "dns/timers.h"

namespace davit::dns {

// The port through which networks have their names answered; Responders implements it. Thread-safe.
class NameService {
 public:
  virtual ~NameService() = default;

  // Begins to answer for the network, or goes on with another configuration. `names` may change at any time.
  // As Server::Open.
  virtual Result<> Serve(const std::string& network, const ServerConfig& config,
                         std::shared_ptr<const Names> names) = 0;
  // No-op if there is none.
  virtual void Stop(const std::string& network) = 0;
  // The index of the device that the network's responder is bound to; nullopt if there is none.
  virtual std::optional<uint32_t> DeviceOf(const std::string& network) const = 0;
};

// Has no thread before the first responder. Thread-safe.
class Responders final : public NameService {
 public:
  explicit Responders(std::string resolv_conf = "/etc/resolv.conf") : host_servers_(std::move(resolv_conf)) {}
  // Waits for a step in progress; questions stay without an answer.
  ~Responders() override;
  Responders(const Responders&) = delete;
  Responders& operator=(const Responders&) = delete;

  Result<> Serve(const std::string& network, const ServerConfig& config,
                 std::shared_ptr<const Names> names) override EXCLUDES(mutex_);
  void Stop(const std::string& network) override EXCLUDES(mutex_);
  std::optional<uint32_t> DeviceOf(const std::string& network) const override EXCLUDES(mutex_);

 private:
  Result<> Begin() REQUIRES(mutex_);
  std::vector<ServerAddress> HostServers();

  mutable Mutex mutex_;
  std::map<std::string, uint32_t> devices_ GUARDED_BY(mutex_);  // by network
  std::unique_ptr<Reactor> reactor_ GUARDED_BY(mutex_);
  // The rest is of the reactor's thread.
  dns::HostServers host_servers_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<Forwarder> forwarder_;
  std::map<std::string, std::unique_ptr<Server>> servers_;            // by network
  std::map<std::string, std::vector<cni::IpAddress>> own_addresses_;  // likewise
};

}  // namespace davit::dns
