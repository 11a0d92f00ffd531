// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The snapshotter's share of a container's start and removal, beside the bare system calls that any
// implementation needs.
//   snapshotter_bench [DIRECTORY]     a directory on the disk to measure; the default is the temporary
//   directory
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/ids.h"
#include "snapshotter/snapshotter.h"

namespace davit::snapshotter {
namespace {

constexpr int kLayers = 5;
constexpr int kBlocks = 20;
constexpr int kRounds = 50;

class Stopwatch {
 public:
  // Adds the time since the last call to the series `name`.
  void Lap(const std::string& name) {
    auto now = std::chrono::steady_clock::now();
    series_[name].push_back(std::chrono::duration<double, std::micro>(now - last_).count());
    last_ = std::chrono::steady_clock::now();
  }
  void Restart() { last_ = std::chrono::steady_clock::now(); }

  double Median(const std::string& name) {
    std::vector<double>& laps = series_[name];
    std::nth_element(laps.begin(), laps.begin() + static_cast<ptrdiff_t>(laps.size() / 2), laps.end());
    return laps[laps.size() / 2];
  }

 private:
  std::map<std::string, std::vector<double>> series_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

[[noreturn]] void Die(const std::string& what) {
  fprintf(stderr, "snapshotter_bench: %s\n", what.c_str());
  exit(1);
}

template <typename T>
T Must(Result<T> result) {
  if (!result) Die(result.error().ToString());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

int Must(int result, const char* what) {
  if (result < 0) Die(std::string(what) + ": " + ErrnoText(errno));
  return result;
}

// The same work with nothing around it: no checks, no names, no thread.
class BareCalls {
 public:
  explicit BareCalls(const std::string& root) : trash_(root + "/trash") {
    Must(mkdir(root.c_str(), 0700), "mkdir");
    dir_ = UniqueFd(Must(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open"));
    for (int n = 0; n < kLayers; ++n) Must(mkdirat(dir_.get(), Layer(n).c_str(), 0755), "mkdir");
    Must(mkdirat(dir_.get(), "trash", 0700), "mkdir");
  }

  void Round(Stopwatch& watch) {
    watch.Restart();
    Must(mkdirat(dir_.get(), "c", 0700), "mkdir");
    Must(mkdirat(dir_.get(), "c/upper", 0755), "mkdir");
    watch.Lap("prepare");
    UniqueFd mount = Mount();
    watch.Lap("mount");
    mount.Reset();
    watch.Lap("close");
    Must(renameat(dir_.get(), "c", dir_.get(), "trash/c"), "rename");
    watch.Lap("remove");
    std::filesystem::remove_all(trash_ + "/c");
  }

 private:
  static std::string Layer(int n) { return "layer" + std::to_string(n); }

  UniqueFd Mount() {
    std::vector<UniqueFd> dirs;
    Must(mkdirat(dir_.get(), "c/work", 0700), "mkdir");
    UniqueFd context(Must(fsopen("overlay", FSOPEN_CLOEXEC), "fsopen"));
    auto add = [&](const char* key, const std::string& path) {
      dirs.emplace_back(Must(openat(dir_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open"));
      Must(fsconfig(context.get(), FSCONFIG_SET_FD, key, nullptr, dirs.back().get()), "fsconfig");
    };
    for (int n = 0; n < kLayers; ++n) add("lowerdir+", Layer(n));
    add("upperdir", "c/upper");
    add("workdir", "c/work");
    Must(fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0), "fsconfig");
    Must(fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "create");
    return UniqueFd(Must(fsmount(context.get(), FSMOUNT_CLOEXEC, 0), "fsmount"));
  }

  std::string trash_;
  UniqueFd dir_;
};

class WholeSnapshotter {
 public:
  explicit WholeSnapshotter(const std::string& root) : snapshotter_(Must(Snapshotter::Open(root))) {
    for (int n = 0; n < kLayers; ++n) {
      chain_ids_.push_back("sha256:" + Must(NewId()));
      Must(snapshotter_->StageLayer(chain_ids_.back()));
      Must(snapshotter_->CommitLayer(chain_ids_.back()));
    }
  }

  void Round(Stopwatch& watch) {
    std::string id = Must(NewId());
    watch.Restart();
    Must(snapshotter_->Prepare(id, chain_ids_));
    watch.Lap("prepare");
    UniqueFd mount = Must(snapshotter_->Mount(id, chain_ids_));
    watch.Lap("mount");
    mount.Reset();
    watch.Lap("close");
    Must(snapshotter_->RemoveContainer(id));
    watch.Lap("remove");
  }
  void Finish() { snapshotter_->WaitForDeletions(); }

 private:
  std::unique_ptr<Snapshotter> snapshotter_;
  std::vector<std::string> chain_ids_;
};

void Print(const char* name, Stopwatch& watch) {
  printf("%-28s", name);
  double sum = 0;
  for (const char* step : {"prepare", "mount", "close", "remove"}) {
    printf("%10.0f", watch.Median(step));
    sum += watch.Median(step);
  }
  printf("%10.0f\n", sum);
}

int Run(std::string pattern) {
  pattern += "/davit-bench-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) Die("mkdtemp " + pattern);
  Stopwatch bare;
  Stopwatch quiet;
  Stopwatch busy;
  {
    BareCalls calls(pattern + "/bare");
    WholeSnapshotter snapshotter(pattern + "/davit");
    // Block by block, so that whatever else the machine does hits all three alike.
    for (int block = 0; block < kBlocks; ++block) {
      for (int round = 0; round < kRounds; ++round) calls.Round(bare);
      for (int round = 0; round < kRounds; ++round) {
        snapshotter.Round(quiet);
        snapshotter.Finish();
      }
      for (int round = 0; round < kRounds; ++round) snapshotter.Round(busy);
      snapshotter.Finish();
    }
  }
  std::filesystem::remove_all(pattern);

  printf("%d layers, medians of %d in microseconds\n", kLayers, kBlocks * kRounds);
  printf("%-28s%10s%10s%10s%10s%10s\n", "", "Prepare", "Mount", "close", "Remove", "sum");
  Print("bare system calls", bare);
  Print("snapshotter, disk quiet", quiet);
  Print("snapshotter, deleting behind", busy);
  return 0;
}

}  // namespace
}  // namespace davit::snapshotter

int main(int argc, char** argv) {
  return davit::snapshotter::Run(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string());
}
