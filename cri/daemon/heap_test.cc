// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sizes and numbers are those that the daemon promises, not heap.cc's constants. Tests of malloc's settings
// run in processes of their own, where they hold from the first thread on.
#include "cri/daemon/heap.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace davit::cri {
namespace {

using Piece = std::unique_ptr<char[]>;
constexpr int64_t kMiB = int64_t{1} << 20;

int64_t Resident() {
  int64_t total = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

bool Eventually(const std::function<bool()>& reached) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!reached()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// Threads that each allocate 50 configurations of 1,650 parts and free them. One piece at the end of each
// thread's memory stays, so that the heap cannot shrink by itself.
std::array<Piece, 8> AllocateAndFree() {
  std::array<Piece, 8> survivors;
  std::barrier all_hold(static_cast<std::ptrdiff_t>(survivors.size()));
  std::vector<std::thread> threads;
  for (Piece& survivor : survivors) {
    threads.emplace_back([&all_hold, &survivor] {
      std::vector<Piece> pieces(50 * 1'650);
      for (Piece& piece : pieces) {
        piece = std::make_unique<char[]>(200);
        piece[0] = 'x';
      }
      survivor = std::make_unique<char[]>(200);
      all_hold.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
  return survivors;
}

TEST(HeapTrimmer, GivesBackWhatThreadsHaveFreedWhenNoCallIsInProgress) {
  std::unique_ptr<Reactor> reactor = Reactor::Start().value();
  std::atomic<int> asked = 0;
  std::atomic<int64_t> while_busy = 0;
  auto busy = [&] {
    if (++asked < 3) return true;
    while_busy = Resident();
    return false;
  };
  std::unique_ptr<HeapTrimmer> trimmer = HeapTrimmer::Start(*reactor, busy).value();
  const int64_t before = Resident();
  std::array<Piece, 8> survivors = AllocateAndFree();
  trimmer->Note();
  trimmer->Note();
  EXPECT_TRUE(Eventually([&] { return Resident() < before + 16 * kMiB; }))
      << (Resident() - before) / kMiB << " MiB stay";
  EXPECT_EQ(asked, 3);
  EXPECT_GT(while_busy - before, 64 * kMiB) << "nothing happens while calls are in progress";
}

// The number of malloc's arenas.
int Arenas() {
  char* text = nullptr;
  size_t size = 0;
  FILE* file = open_memstream(&text, &size);
  malloc_info(/*options=*/0, file);
  (void)fclose(file);
  std::string_view rest(text, size);
  int arenas = 0;
  constexpr std::string_view kArena = "<heap nr=";
  for (size_t at = rest.find(kArena); at != std::string_view::npos; at = rest.find(kArena, at + 1)) ++arenas;
  free(text);
  return arenas;
}

// Exits with 0 if 16 threads that allocate at the same time share two arenas.
[[noreturn]] void ExpectTwoArenas() {
  ConfigureHeap();
  constexpr int kThreads = 16;
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&together] {
      together.arrive_and_wait();
      auto piece = std::make_unique<char[]>(1'000);
      piece[0] = 'x';
      together.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(Arenas() == 2 ? 0 : 1);
}

TEST(HeapDeathTest, HasTwoArenasHoweverManyThreadsAllocate) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(ExpectTwoArenas(), ::testing::ExitedWithCode(0), "");
}

// Exits with 0 if blocks are mapped apart from 256 KiB on, also after a larger one was freed, which by
// default raises malloc's threshold.
[[noreturn]] void ExpectBlocksMappedApart() {
  ConfigureHeap();
  {
    std::vector<char> larger(20 * kMiB, 'x');
  }
  const size_t before = mallinfo2().hblks;
  std::vector<char> small(200 << 10, 'x');
  const size_t with_small = mallinfo2().hblks;
  std::vector<char> large(300 << 10, 'x');
  _exit(with_small == before && mallinfo2().hblks == before + 1 ? 0 : 1);
}

TEST(HeapDeathTest, LargeBlocksAreMappedApartAlsoAfterALargerOneWasFreed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(ExpectBlocksMappedApart(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace davit::cri
