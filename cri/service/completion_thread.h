// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The thread that carries gRPC's asynchronous calls on: those that wait without a thread of their own.
#pragma once

#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>

#include "base/thread_annotations.h"

namespace davit {

// An operation that gRPC reports the end of; its address is the operation's tag.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void OnComplete(bool ok) = 0;
};

// Calls a method of `Owner`.
template <typename Owner>
class MethodCompletion final : public Completion {
 public:
  MethodCompletion(Owner& owner, void (Owner::*method)(bool ok)) : owner_(owner), method_(method) {}
  void OnComplete(bool ok) override { (owner_.*method_)(ok); }

 private:
  Owner& owner_;
  void (Owner::*method_)(bool ok);
};

class CompletionThread {
 public:
  // Before the server is built. The queue does not count as frequently polled: with one that does, or with
  // gRPC's callback methods, a server's synchronous methods lose their polling threads, and each call takes a
  // hop between threads more (ServerBuilder::BuildAndStart; 0.1 ms and more on a busy host).
  explicit CompletionThread(grpc::ServerBuilder& builder)
      : queue_(builder.AddCompletionQueue(/*is_frequently_polled=*/false)) {}
  ~CompletionThread() { Stop(); }
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  // After the server is built. An exception ends the operation that it leaves, and not the thread.
  void Start();
  // After the server's Shutdown; waits until every call has ended: gRPC aborts when an operation begins on a
  // queue that is shut down.
  void Stop() EXCLUDES(mutex_);
  grpc::ServerCompletionQueue& queue() { return *queue_; }

  // Lives as long as a call that may begin operations.
  class Call {
   public:
    explicit Call(CompletionThread& thread) : thread_(thread) { thread_.Count(1); }
    ~Call() { thread_.Count(-1); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    CompletionThread& thread_;
  };

 private:
  void Run();
  void Count(int change) EXCLUDES(mutex_);

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
  bool stopped_ = false;
  Mutex mutex_;
  CondVar changed_;
  int calls_ GUARDED_BY(mutex_) = 0;
};

}  // namespace davit
