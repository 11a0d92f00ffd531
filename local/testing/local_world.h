// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Local containers over a runtime of fakes (cri/testing/world.h).
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/reactor.h"
#include "cri/testing/world.h"
#include "local/local_containers.h"
#include "local/networks.h"
#include "local/testing/fake_networks.h"
#include "local/testing/fake_volume_store.h"
#include "local/volumes.h"

namespace davit::local {

// Keeps the rows in memory. Thread-safe.
class FakeLocalStore final : public cri::LocalStore {
 public:
  explicit FakeLocalStore(cri::Steps& steps) : steps_(steps) {}

  Result<> AddLocal(cri::LocalRow row) override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.AddLocal"));
    Seed(std::move(row));
    return {};
  }
  cri::PendingWrite QueueLocal(cri::LocalRow row, cri::RecordWriter::OnWritten) override EXCLUDES(mutex_) {
    Result<> written = steps_.Take("store.QueueLocal");
    MutexLock lock(mutex_);
    auto found = rows_.find(row.id);
    if (written && found == rows_.end())
      written = Fail(Code::kFailedPrecondition, "put", row.id, "it was not added");
    if (written) found->second.blob = std::move(row.blob);
    return cri::PendingWrite(std::move(written));
  }
  Result<> DeleteLocal(const std::string& id) override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.DeleteLocal"));
    MutexLock lock(mutex_);
    rows_.erase(id);
    return {};
  }
  Result<> MakeDurable() const override EXCLUDES(mutex_) {
    TRY(steps_.Take("store.MakeDurable"));
    MutexLock lock(mutex_);
    durable_ = rows_;
    return {};
  }
  Result<std::vector<cri::LocalRow>> Locals() const override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::vector<cri::LocalRow> rows;
    for (const auto& [id, row] : rows_) rows.push_back(row);
    return rows;
  }
  void Seed(cri::LocalRow row) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    rows_[row.id] = std::move(row);
  }
  // What was not made durable is lost.
  void CutPower() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    rows_ = durable_;
  }

 private:
  cri::Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, cri::LocalRow> rows_ GUARDED_BY(mutex_);
  mutable std::map<std::string, cri::LocalRow> durable_ GUARDED_BY(mutex_);
};

class LocalWorld {
 public:
  LocalWorld() : timers_(Reactor::Start().value()), log_([](std::string_view) {}, LogLevel::kInfo) {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-local-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) abort();
    directory_ = pattern + "/local";
    volumes_directory_ = pattern + "/volumes";
    Start();
  }
  ~LocalWorld() {
    End();
    std::filesystem::remove_all(std::filesystem::path(directory_).parent_path());
  }

  // Ends the daemon, runs `meanwhile`, and starts the daemon again.
  void Restart(const std::function<void()>& meanwhile = [] {}) {
    End();
    world.Restart();
    meanwhile();
    Start();
  }

  LocalContainers& local() { return *local_; }
  Volumes& volumes() { return *volumes_; }
  std::vector<std::string> VolumeNames() const {
    std::vector<std::string> listed;
    for (const api::Volume& volume : volumes_->List()) listed.push_back(volume.name());
    return listed;
  }
  Networks& networks() { return *networks_; }

  static api::ContainerSpec Spec(api::RestartPolicy::When when = api::RestartPolicy::NEVER) {
    api::ContainerSpec spec;
    spec.set_image("image");
    spec.mutable_restart()->set_when(when);
    return spec;
  }
  int64_t Deadline() const { return world.clock.MonotonicMilliseconds() + 60'000; }

  // Creates the container and starts it; both must succeed. Returns its id.
  std::string RunContainer(const std::string& name, const api::ContainerSpec& spec = Spec()) {
    Result<LocalContainers::Created> created = local_->Create(name, spec);
    EXPECT_TRUE(created) << created.error().ToString();
    Result<> started = local_->Start(name, Deadline());
    EXPECT_TRUE(started) << started.error().ToString();
    return created->id;
  }
  api::ContainerState StateOf(const std::string& name) { return local_->Inspect(name).value().state(); }
  bool HasStatus(const std::string& name, api::ContainerState::Status status) {
    auto container = local_->Inspect(name);
    return container && container->state().status() == status;
  }
  bool Becomes(const std::string& name, api::ContainerState::Status status) {
    return world.Eventually([&] { return HasStatus(name, status); });
  }

  // A wait for the end of a container.
  class Waiting {
   public:
    Waiting(LocalContainers& local, const std::string& name, api::WaitContainerRequest::Condition condition)
        : place_(
              local.BeginWait(name, condition, [ended = ended_](int32_t code) { ended->set_value(code); })) {
      EXPECT_TRUE(place_) << place_.error().ToString();
    }
    bool ended() const { return exit_code_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
    // Waits for the end; -1 if it does not come.
    int32_t ExitCode() {
      return exit_code_.wait_for(std::chrono::seconds(60)) == std::future_status::ready ? exit_code_.get()
                                                                                        : -1;
    }

   private:
    std::shared_ptr<std::promise<int32_t>> ended_ = std::make_shared<std::promise<int32_t>>();
    std::future<int32_t> exit_code_ = ended_->get_future();
    Result<std::unique_ptr<EndWaits::Place>> place_;
  };

  // The pods of a container, which are at most one.
  std::vector<::runtime::v1::PodSandbox> PodsOf(const std::string& id) {
    std::vector<::runtime::v1::PodSandbox> pods;
    std::vector<::runtime::v1::PodSandbox> all =
        world.runtime().sandboxes().List({}, cri::Owner::kLocal).value();
    for (auto& pod : all)
      if (pod.metadata().uid() == id) pods.push_back(std::move(pod));
    return pods;
  }
  // The program of the container's run ends; with `tell` false, nobody tells the daemon.
  void Exit(const std::string& id, int code, bool tell = true) {
    auto pods = PodsOf(id);
    ASSERT_EQ(pods.size(), 1u);
    ::runtime::v1::ContainerFilter filter;
    filter.set_pod_sandbox_id(pods[0].id());
    auto containers = world.runtime().containers().List(filter, cri::Owner::kLocal).value();
    ASSERT_EQ(containers.size(), 1u);
    world.shims.Exit(pods[0].id(), containers[0].id(), code, tell);
  }
  std::string LogOf(const std::string& id) const { return directory_ + "/" + id + "/container.log"; }
  // Everything that is left of all containers.
  std::vector<std::string> Leftovers() {
    std::vector<std::string> left = world.Leftovers();
    const std::vector<cri::LocalRow> rows = store.Locals().value();
    for (const cri::LocalRow& row : rows) left.push_back("row " + row.id);
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      left.push_back("directory " + entry.path().filename().string());
    for (const std::string& name : VolumeNames()) left.push_back("volume " + name);
    const std::vector<cri::VolumeRow> volume_rows = volume_store.VolumeRows().value();
    for (const cri::VolumeRow& row : volume_rows) left.push_back("row of volume " + row.name);
    if (!std::filesystem::exists(volumes_directory_)) return left;
    std::error_code failed;  // by the thread that deletes
    for (std::filesystem::recursive_directory_iterator entry(volumes_directory_, failed), end;
         !failed && entry != end; entry.increment(failed))
      if (!entry->path().filename().string().starts_with('.')) left.push_back(entry->path().string());
    if (failed) left.push_back(volumes_directory_ + ": " + failed.message());
    return left;
  }

  cri::World world;
  FakeLocalStore store{world.steps};
  FakeVolumeStore volume_store{world.steps};
  FakeNetworkStore network_store{world.steps};
  FakeBridges bridges{world.steps};
  FakeNames names{world.steps};
  EventLog events{world.clock};

 private:
  void Start() {
    volumes_ = std::make_unique<Volumes>(
        Volumes::Ports{volumes_directory_, volume_store, world.snapshots, log_, world.clock, events});
    EXPECT_TRUE(volumes_->Load());
    networks_ = std::make_unique<Networks>(Networks::Ports{bridges,
                                                           network_store,
                                                           names,
                                                           {cni::ParseSubnet("10.88.0.0/16").value()},
                                                           "davit0",
                                                           log_,
                                                           world.clock,
                                                           events});
    EXPECT_TRUE(networks_->Load());
    local_ = std::make_unique<LocalContainers>(
        LocalContainers::Ports{directory_, world.runtime(), store, *volumes_, world.images, world.snapshots,
                               *networks_, *timers_, log_, world.clock, events});
    EXPECT_TRUE(local_->Load());
    EXPECT_TRUE(world.runtime().Recover(std::chrono::seconds(2), local_->WritableLayers()));
    bridges.Make();
    EXPECT_TRUE(local_->Begin());
    networks_->Begin();
  }
  void End() {
    local_.reset();
    networks_.reset();
    volumes_.reset();
    bridges.Forget();
    names.served.clear();
  }

  std::string directory_;
  std::string volumes_directory_;
  std::unique_ptr<Reactor> timers_;
  Logger log_;
  std::unique_ptr<Volumes> volumes_;
  std::unique_ptr<Networks> networks_;
  std::unique_ptr<LocalContainers> local_;
};

}  // namespace davit::local
