// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture of the contract that a snapshotter keeps for each way to mount. contract_test.cc instantiates
// the suite.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/directory.h"
#include "base/ids.h"
#include "base/unique_fd.h"
#include "snapshotter/overlay.h"
#include "snapshotter/snapshotter.h"
#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {

// How layers are named to overlayfs.
struct Way {
  std::string name;
  OverlaySupport support;

  friend void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }
};

// A snapshotter in a temporary directory. Skips if the kernel does not support the parameter's way to mount.
class SnapshotterContract : public ScratchTest, public ::testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ScratchTest::SetUp());
    if (IsSkipped()) return;
    auto kernel = ProbeOverlay(dir_.get());
    if (!kernel) GTEST_SKIP() << kernel.error().ToString();
    const OverlaySupport& wanted = GetParam().support;
    bool able =
        (kernel->lower_by_fd || !wanted.lower_by_fd) && (kernel->lower_by_path || !wanted.lower_by_path);
    if (!able) GTEST_SKIP() << "needs a newer kernel's overlayfs to name layers by " << GetParam().name;
    Reopen();
  }
  void TearDown() override {
    snapshotter_.reset();
    ScratchTest::TearDown();
  }

  // Closes the snapshotter and opens its root again, as a restarted daemon does.
  void Reopen() {
    snapshotter_.reset();
    auto opened = Snapshotter::Open(root(), GetParam().support);
    ASSERT_TRUE(opened) << opened.error().ToString();
    snapshotter_ = std::move(*opened);
  }

  std::string root() const { return path_ + "/root"; }
  // A valid chain ID that differs for each `n`.
  static std::string ChainId(int n) {
    std::string digits = std::to_string(n);
    return "sha256:" + std::string(64 - digits.size(), 'a') + digits;
  }
  // A new container ID.
  static std::string NewContainer() { return NewId().value(); }

  // Commits the layer ChainId(n) with these files, and returns its chain ID.
  std::string AddLayer(int n, const std::map<std::string, std::string>& files = {}) {
    auto layer = snapshotter_->StageLayer(ChainId(n));
    EXPECT_TRUE(layer) << layer.error().ToString();
    for (const auto& [name, data] : files) WriteTo(layer->get(), name, data);
    auto committed = snapshotter_->CommitLayer(ChainId(n));
    EXPECT_TRUE(committed) << committed.error().ToString();
    return ChainId(n);
  }
  // Prepares a container with these layers and mounts it. Returns its root directory.
  UniqueFd Start(const std::string& id, const std::vector<std::string>& chain_ids) {
    auto prepared = snapshotter_->Prepare(id, chain_ids);
    EXPECT_TRUE(prepared) << prepared.error().ToString();
    return Mount(id, chain_ids);
  }
  // Mounts a prepared container. Returns its root directory; empty if the mount fails.
  UniqueFd Mount(const std::string& id, const std::vector<std::string>& chain_ids) {
    auto mounted = snapshotter_->Mount(id, chain_ids);
    EXPECT_TRUE(mounted) << mounted.error().ToString();
    return mounted ? std::move(*mounted) : UniqueFd();
  }
  // The names in a folder of the snapshotter's root.
  std::vector<std::string> List(const std::string& folder) {
    auto fd = OpenDirectory(dir_.get(), "root/" + folder);
    EXPECT_TRUE(fd) << fd.error().ToString();
    return ListDirectory(fd->get()).value();
  }

  std::unique_ptr<Snapshotter> snapshotter_;
};

}  // namespace davit::snapshotter
