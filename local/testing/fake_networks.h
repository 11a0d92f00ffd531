// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: what networks are made of, in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/network/user_networks.h"
#include "cri/records/local_store.h"
#include "cri/testing/steps.h"
#include "dns/responders.h"

namespace davit::local {

// Thread-safe.
class FakeNetworkStore final : public cri::NetworkStore {
 public:
  explicit FakeNetworkStore(cri::Steps& steps) : steps_(steps) {}

  Result<> PutNetwork(cri::LocalRow row) override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.PutNetwork"));
    MutexLock lock(mutex_);
    rows_[row.id] = std::move(row);
    return {};
  }
  Result<> DeleteNetwork(const std::string& id) override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.DeleteNetwork"));
    MutexLock lock(mutex_);
    rows_.erase(id);
    return {};
  }
  Result<std::vector<cri::LocalRow>> Networks() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<cri::LocalRow> rows;
    for (const auto& [id, row] : rows_) rows.push_back(row);
    return rows;
  }

 private:
  cri::Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, cri::LocalRow> rows_ GUARDED_BY(mutex_);
};

// Bridges that exist as long as this object, which is the host. Not thread-safe.
class FakeBridges final : public cri::UserBridges {
 public:
  explicit FakeBridges(cri::Steps& steps) : steps_(steps) {}

  void AfterLooks(std::function<Result<>()> after) override { after_ = std::move(after); }
  void Define(const cri::UserNetwork& network) override { known_[network.id] = network; }
  void Seal(const std::string& bridge) override { sealed.push_back(bridge); }
  Result<> Add(const cri::UserNetwork& network) override {
    TRY(steps_.Take("bridges.Add"));
    Define(network);
    Make();
    return {};
  }
  Result<> Remove(const std::string& id) override {
    TRY(steps_.Take("bridges.Remove"));
    auto found = known_.extract(id);
    if (!found.empty()) devices.erase(found.mapped().bridge);
    return {};
  }
  bool Has(const std::string& id) const override { return known_.contains(id); }
  Result<std::vector<std::pair<cni::Subnet, std::string>>> TakenSubnets() const override { return taken; }
  uint32_t DeviceOf(const std::string& bridge) const override {
    auto device = devices.find(bridge);
    return device == devices.end() ? 0 : device->second;
  }

  // Makes the bridges that are missing, as a look does.
  void Make() {
    for (const auto& [id, network] : known_)
      if (!devices.contains(network.bridge)) devices[network.bridge] = ++last_;
  }
  Result<> Look() {
    Make();
    return after_ ? after_() : Result<>();
  }
  // The daemon ends.
  void Forget() { known_.clear(); }
  const std::map<std::string, cri::UserNetwork>& known() const { return known_; }

  std::vector<std::pair<cni::Subnet, std::string>> taken;
  std::map<std::string, uint32_t> devices;  // by the name of the bridge
  std::vector<std::string> sealed;

 private:
  cri::Steps& steps_;
  std::function<Result<>()> after_;
  std::map<std::string, cri::UserNetwork> known_;
  uint32_t last_ = 0;
};

// Not thread-safe.
class FakeNames final : public dns::NameService {
 public:
  explicit FakeNames(cri::Steps& steps) : steps_(steps) {}

  Result<> Serve(const std::string& network, const dns::ServerConfig& config,
                 std::shared_ptr<const dns::Names> names) override {
    served.erase(network);
    TRY(steps_.Take("names.Serve"));
    served[network] = {config, std::move(names)};
    return {};
  }
  void Stop(const std::string& network) override { served.erase(network); }
  std::optional<uint32_t> DeviceOf(const std::string& network) const override {
    auto found = served.find(network);
    return found == served.end() ? std::nullopt : std::optional(found->second.config.device);
  }

  struct Served {
    dns::ServerConfig config;
    std::shared_ptr<const dns::Names> names;
  };
  std::map<std::string, Served> served;  // by network

 private:
  cri::Steps& steps_;
};

}  // namespace davit::local
