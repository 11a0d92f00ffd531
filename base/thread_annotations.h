// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Locks that clang checks at compile time (-Wthread-safety,
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html). g++ compiles the same code and checks nothing.
//
//   Mutex mutex_;
//   CondVar changed_;
//   std::map<std::string, Pod> pods_ GUARDED_BY(mutex_);
//   void Forget(const std::string& id) REQUIRES(mutex_);
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define DAVIT_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define DAVIT_THREAD_ATTRIBUTE(x)
#endif

// Abseil, on which gRPC depends, defines some of the same names with the same attributes.
#undef GUARDED_BY
#undef PT_GUARDED_BY
#undef NO_THREAD_SAFETY_ANALYSIS

// For classes, members and functions.
#define CAPABILITY(x) DAVIT_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY DAVIT_THREAD_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) DAVIT_THREAD_ATTRIBUTE(guarded_by(x))        // a member
#define PT_GUARDED_BY(x) DAVIT_THREAD_ATTRIBUTE(pt_guarded_by(x))  // what a pointer member points at
#define REQUIRES(...) DAVIT_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))  // called with the lock held
#define EXCLUDES(...) DAVIT_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))       // called without it
#define ACQUIRE(...) DAVIT_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) DAVIT_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) DAVIT_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS DAVIT_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace davit {

// std::mutex with annotations. Not recursive.
class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }
  bool TryLock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// std::condition_variable for a Mutex. Wake-ups may be spurious, so the function that holds the lock must
// wait in a loop; there are no predicate overloads, because the analysis cannot see that a predicate runs
// under the lock.
class CondVar {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // Returns false if `deadline` has passed.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock lock(mutex.mutex_, std::adopt_lock);
    bool in_time = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return in_time;
  }

 private:
  std::condition_variable condition_;
};

}  // namespace davit
