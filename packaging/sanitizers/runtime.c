// Tells ThreadSanitizer what Swift's runtime does where it cannot see it.
//
// The toolchain's libraries are not instrumented. Two things that order what threads do are hidden in them, so that what they
// guard looks like a race (races.swift shows each):
// - Synchronization.Mutex is a futex on Linux. Its fast path is compiled into the caller, with atomics that the sanitizer
//   understands; its slow path, for a mutex that another thread holds, is in libswiftSynchronization.so.
// - A continuation that is resumed before its task has come to wait lets the task go on at once, in libswift_Concurrency.so;
//   only the other way, through an executor's queue, is told to the sanitizer by the runtime.
// These functions stand before the library's, call them, and say what happened. They say no more than is true (a release by who
// unlocks or resumes, an acquire by who locks or goes on, on the address of that very mutex or task), so that real
// races are found as before: packaging/sanitize tries that first. For debug builds.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// Of the sanitizer's own runtime.
extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self
#define LIBRARY(name) dlsym(RTLD_NEXT, name)

// MARK: Mutex

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT bool try_slow(SELF) __asm__(TRY);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);

SWIFT void lock_slow(uint32_t thread, SELF) {
  ((SWIFT void (*)(uint32_t, SELF))LIBRARY(LOCK))(thread, self);
  __tsan_acquire(self);
}

SWIFT bool try_slow(SELF) {
  bool taken = ((SWIFT bool (*)(SELF))LIBRARY(TRY))(self);
  if (taken) __tsan_acquire(self);
  return taken;
}

SWIFT void unlock_slow(SELF) {
  __tsan_release(self);
  ((SWIFT void (*)(SELF))LIBRARY(UNLOCK))(self);
}

// MARK: Continuations

extern SWIFT void *swift_task_getCurrent(void);

static void resuming(void *task) {
  if (task) __tsan_release(task);
}

// CheckedContinuation.resume(returning:) and resume(throwing:). They are called on the place of an object that holds the
// continuation, which is its task, behind the two words of every object; nothing once it was used.
#define CHECKED(function, symbol)                                                              \
  SWIFT void function(void *value, void *type, SELF) __asm__(symbol);                          \
  SWIFT void function(void *value, void *type, SELF) {                                         \
    resuming((*(void ***)self)[2]);                                                            \
    ((SWIFT void (*)(void *, void *, SELF))LIBRARY(symbol))(value, type, self);                \
  }
CHECKED(resume_returning, "$sScC6resume9returningyxn_tF")
CHECKED(resume_throwing, "$sScC6resume8throwingyq_n_tF")

// Those of UnsafeContinuation, which are compiled into the caller down to these.
SWIFT void swift_continuation_resume(void *task) {
  resuming(task);
  ((SWIFT void (*)(void *))LIBRARY("swift_continuation_resume"))(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
  resuming(task);
  ((SWIFT void (*)(void *))LIBRARY("swift_continuation_throwingResume"))(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
  resuming(task);
  ((SWIFT void (*)(void *, void *))LIBRARY("swift_continuation_throwingResumeWithError"))(task, error);
}

// The first thing that a task does after an await is to give back what it had made for the call.
SWIFT void swift_task_dealloc(void *memory) {
  ((SWIFT void (*)(void *))LIBRARY("swift_task_dealloc"))(memory);
  void *task = swift_task_getCurrent();
  if (task) __tsan_acquire(task);
}
