// SPDX-License-Identifier: GPL-2.0
/*
 * vmrun - keeps guests away from a defect of QEMU's emulation of SVM.
 *
 * An interrupt that KVM injects with VMRUN is delivered at once, but QEMU also
 * leaves it noted as an exception, until the guest is left the next time.
 * Whatever asks the emulated processor for a moment before that (the end of an
 * RCU grace period, a flush of a TLB, a stop by the monitor) has the note
 * looked at, and the guest gets the interrupt again: at an instruction where
 * its interrupts may be off, and its spinlocks taken.
 *
 * So the guest is left right after such a VMRUN, before its next instruction,
 * which KVM knows how to do: the second argument of svm_vcpu_run() says so.
 */
#include <linux/bitops.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/threads.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0) || !defined(CONFIG_X86_64)
#error "svm_vcpu_run() has no second argument here"
#endif

/* A bit for each thread: it has an injected interrupt to run its guest with. */
static unsigned long *injected;

static unsigned long left;
module_param(left, ulong, 0444);
MODULE_PARM_DESC(left, "how often a guest was left right after VMRUN");

static int note(struct kprobe *probe, struct pt_regs *regs)
{
	set_bit(current->pid, injected);
	return 0;
}

static int leave(struct kprobe *probe, struct pt_regs *regs)
{
	if (test_and_clear_bit(current->pid, injected)) {
		regs->si |= 1;
		left++;
	}
	return 0;
}

static struct kprobe at_injection = {
	.symbol_name = "svm_inject_irq",
	.pre_handler = note,
};

static struct kprobe at_run = {
	.symbol_name = "svm_vcpu_run",
	.pre_handler = leave,
};

static struct kprobe *probes[] = { &at_injection, &at_run };

static int __init vmrun_init(void)
{
	int error;

	injected = vcalloc(BITS_TO_LONGS(PID_MAX_LIMIT), sizeof(long));
	if (!injected)
		return -ENOMEM;
	error = register_kprobes(probes, ARRAY_SIZE(probes));
	if (error)
		vfree(injected);
	return error;
}

static void __exit vmrun_exit(void)
{
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	vfree(injected);
}

module_init(vmrun_init);
module_exit(vmrun_exit);

MODULE_SOFTDEP("pre: kvm_amd");
MODULE_DESCRIPTION("leaves guests right after an interrupt was injected");
MODULE_LICENSE("GPL");
