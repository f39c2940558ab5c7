// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Groth16} from "../src/Groth16.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {PoseidonT2} from "../src/PoseidonT2.sol";
import {PresentationVerifier} from "../src/PresentationVerifier.sol";
import {Presentations} from "./Presentations.sol";

contract PresentationVerifierTest is Presentations {
    event Presented(bytes32 indexed policyId, uint256 indexed nullifier, address indexed subject, uint256[] disclosed);
    event Withdrawn(uint256 indexed nullifier);

    function setUp() public {
        deployVerifier();
    }

    function call(PresentationVerifier.Presentation memory presentation) internal pure returns (bytes memory) {
        return abi.encodeCall(PresentationVerifier.present, (presentation));
    }

    /// Refused by `present` and by `check`, for the same reason.
    function presentRefused(address sender, PresentationVerifier.Presentation memory presentation, bytes memory why)
        internal
    {
        refused(sender, address(verifier), abi.encodeCall(PresentationVerifier.check, (presentation)), why);
        refused(sender, address(verifier), call(presentation), why);
    }

    function invalid() internal pure returns (bytes memory) {
        return refusal(PresentationVerifier.InvalidProof.selector);
    }

    function status(uint256 nullifier) internal view returns (PresentationVerifier.NullifierStatus memory) {
        return verifier.statusOf(nullifier);
    }

    function isState(uint256 nullifier, PresentationVerifier.NullifierState state) internal view {
        equal(uint256(status(nullifier).state), uint256(state));
    }

    function test_kept_presentations_are_accepted_once() public {
        for (uint256 kept = 0; kept < KEPT; ++kept) {
            PresentationVerifier.Presentation memory presentation = load(kept);
            address caller = callerOf(kept);
            uint256 nullifier = presentation.nullifier;
            isState(nullifier, PresentationVerifier.NullifierState.Unused);
            done(caller, address(verifier), abi.encodeCall(PresentationVerifier.check, (presentation)));
            isState(nullifier, PresentationVerifier.NullifierState.Unused);

            vm.expectEmit(address(verifier));
            emit Presented(presentation.policyId, nullifier, presentation.subject, presentation.disclosed);
            done(caller, address(verifier), call(presentation));
            isState(nullifier, PresentationVerifier.NullifierState.Presented);
            equal(status(nullifier).subject, presentation.subject);
            equal(status(nullifier).presentedAt, START);
            equal(status(nullifier).withdrawnAt, 0);
            bytes memory why = refusal(PresentationVerifier.NullifierAlreadyUsed.selector, nullifier);
            presentRefused(caller, presentation, why);
        }
    }

    function test_the_context_is_the_one_that_rust_computes() public {
        for (uint256 kept = 0; kept < KEPT; ++kept) {
            equal(verifier.contextOf(callerOf(kept), load(kept).subject), inputsOf(kept)[3]);
        }
    }

    function test_a_proof_serves_its_caller_its_subject_and_its_chain_only() public {
        PresentationVerifier.Presentation memory presentation = load(BY_CONTRACT);
        address caller = callerOf(BY_CONTRACT);
        presentRefused(OUTSIDER, presentation, invalid());
        presentRefused(presentation.subject, presentation, invalid());
        presentation.subject = OUTSIDER;
        presentRefused(caller, presentation, invalid());
        presentation = load(BY_CONTRACT);
        vm.chainId(1);
        presentRefused(caller, presentation, invalid());
    }

    function test_a_proof_serves_one_contract_only() public {
        address other = address(0x0e);
        vm.etch(other, address(verifier).code);
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        PresentationVerifier(other).registerPolicy(policyOf(TYPICAL));
        refused(callerOf(TYPICAL), other, call(presentation), invalid());
    }

    function test_changed_inputs_are_refused() public {
        address caller = callerOf(BY_CONTRACT);
        PresentationVerifier.Presentation memory presentation = load(BY_CONTRACT);
        ++presentation.nullifier;
        presentRefused(caller, presentation, invalid());
        presentation = load(BY_CONTRACT);
        ++presentation.disclosed[0];
        presentRefused(caller, presentation, invalid());
        presentation.disclosed[0] = 0;
        presentRefused(caller, presentation, invalid());
        presentation = load(BY_CONTRACT);
        --presentation.now_;
        presentRefused(caller, presentation, invalid());
        presentation.now_ += 2;
        presentRefused(caller, presentation, invalid());
        // A root that the registry has, but for which there is no proof.
        presentation = load(BY_CONTRACT);
        done(members[0], address(registry), abi.encodeCall(IssuerRegistry.suspend, (0)));
        presentation.registryRoot = registry.root();
        presentRefused(caller, presentation, invalid());
    }

    function test_every_element_is_canonical() public {
        address caller = callerOf(BY_CONTRACT);
        PresentationVerifier.Presentation memory presentation = load(BY_CONTRACT);
        presentation.nullifier += FIELD_MODULUS;
        presentRefused(caller, presentation, refusal(Groth16.InputTooLarge.selector, 1));
        presentation = load(BY_CONTRACT);
        presentation.disclosed[0] += FIELD_MODULUS;
        presentRefused(caller, presentation, refusal(Groth16.InputTooLarge.selector, 6));
        presentation = load(BY_CONTRACT);
        presentation.registryRoot += FIELD_MODULUS;
        bytes memory why = refusal(PresentationVerifier.StaleRoot.selector, presentation.registryRoot);
        presentRefused(caller, presentation, why);
    }

    function test_as_many_values_are_disclosed_as_are_asked() public {
        address caller = callerOf(BY_CONTRACT);
        PresentationVerifier.Presentation memory presentation = load(BY_CONTRACT);
        uint256 value = presentation.disclosed[0];
        presentation.disclosed = new uint256[](0);
        bytes4 selector = PresentationVerifier.DisclosedCountMismatch.selector;
        presentRefused(caller, presentation, refusal(selector, 0, 1));
        presentation.disclosed = new uint256[](2);
        presentation.disclosed[0] = value;
        presentRefused(caller, presentation, refusal(selector, 2, 1));
    }

    function test_a_changed_proof_is_refused_and_burns_a_bounded_amount_of_gas() public {
        address caller = callerOf(TYPICAL);
        for (uint256 word = 0; word < 8; ++word) {
            PresentationVerifier.Presentation memory presentation = load(TYPICAL);
            uint256 right = presentation.proof[word];
            uint256[4] memory wrong = [right ^ 1, 0, type(uint256).max, 1];
            for (uint256 i = 0; i < wrong.length; ++i) {
                presentation.proof[word] = wrong[i];
                uint256 before = gasleft();
                presentRefused(caller, presentation, invalid());
                // Two calls, each with far more gas than this.
                isTrue(before - gasleft() < 2 * 300_000);
            }
        }
        // The opposite of A: on the curve, and another point.
        PresentationVerifier.Presentation memory opposite = load(TYPICAL);
        opposite.proof[1] =
            21888242871839275222246405745257275088696311157297823662689037894645226208583 - opposite.proof[1];
        presentRefused(caller, opposite, invalid());
        // The same residues in another form.
        PresentationVerifier.Presentation memory raised = load(TYPICAL);
        raised.proof[0] += 21888242871839275222246405745257275088696311157297823662689037894645226208583;
        presentRefused(caller, raised, invalid());
    }

    function testFuzz_no_other_proof_is_accepted(uint256[8] memory proof) public {
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        presentation.proof = proof;
        presentRefused(callerOf(TYPICAL), presentation, invalid());
    }

    function testFuzz_no_other_caller_or_subject_is_accepted(address caller, address subject) public {
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        vm.assume(caller != callerOf(TYPICAL) || subject != presentation.subject);
        presentation.subject = subject;
        presentRefused(caller, presentation, invalid());
    }

    function test_the_time_is_neither_old_nor_ahead() public {
        address caller = callerOf(TYPICAL);
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        vm.warp(START + MAX_AGE + 1);
        bytes4 tooOld = PresentationVerifier.PresentationTooOld.selector;
        presentRefused(caller, presentation, refusal(tooOld, START, START + 1));
        vm.warp(START - 61);
        bytes4 inFuture = PresentationVerifier.PresentationInFuture.selector;
        presentRefused(caller, presentation, refusal(inFuture, START, START - 1));
        vm.warp(START - 60);
        done(caller, address(verifier), abi.encodeCall(PresentationVerifier.check, (presentation)));
        vm.warp(START + MAX_AGE);
        done(caller, address(verifier), call(presentation));
    }

    function test_a_replaced_root_is_stale_after_the_grace() public {
        address caller = callerOf(TYPICAL);
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        done(members[0], address(registry), abi.encodeCall(IssuerRegistry.suspend, (0)));
        vm.warp(START + GRACE + 1);
        bytes memory why = refusal(PresentationVerifier.StaleRoot.selector, presentation.registryRoot);
        presentRefused(caller, presentation, why);
        vm.warp(START + GRACE);
        done(caller, address(verifier), call(presentation));
    }

    function test_a_root_that_never_was_is_stale() public {
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        ++presentation.registryRoot;
        bytes memory why = refusal(PresentationVerifier.StaleRoot.selector, presentation.registryRoot);
        presentRefused(callerOf(TYPICAL), presentation, why);
    }

    function test_a_withdrawal_bars_the_nullifier_for_good() public {
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        uint256 nullifier = presentation.nullifier;
        vm.expectEmit(address(verifier));
        emit Withdrawn(nullifier);
        equal(withdraw(OUTSIDER, withdrawalKeyOf(TYPICAL)), nullifier);
        isState(nullifier, PresentationVerifier.NullifierState.Withdrawn);
        equal(status(nullifier).presentedAt, 0);
        bytes memory why = refusal(PresentationVerifier.NullifierWithdrawn.selector, nullifier);
        presentRefused(callerOf(TYPICAL), presentation, why);
    }

    function test_a_withdrawal_of_what_was_presented_keeps_what_was_said() public {
        present(BY_CONTRACT);
        PresentationVerifier.Presentation memory presentation = load(BY_CONTRACT);
        uint256 nullifier = presentation.nullifier;
        vm.warp(START + 10);
        withdraw(OUTSIDER, withdrawalKeyOf(BY_CONTRACT));
        isState(nullifier, PresentationVerifier.NullifierState.Withdrawn);
        equal(status(nullifier).subject, presentation.subject);
        equal(status(nullifier).presentedAt, START);
        equal(status(nullifier).withdrawnAt, START + 10);
        // Again: nothing changes.
        vm.warp(START + 20);
        equal(withdraw(address(this), withdrawalKeyOf(BY_CONTRACT)), nullifier);
        equal(status(nullifier).withdrawnAt, START + 10);
        bytes memory why = refusal(PresentationVerifier.NullifierWithdrawn.selector, nullifier);
        presentRefused(callerOf(BY_CONTRACT), presentation, why);
    }

    function test_a_withdrawal_key_is_canonical() public {
        bytes memory why = refusal(PresentationVerifier.WithdrawalKeyTooLarge.selector);
        uint256 key = withdrawalKeyOf(TYPICAL) + FIELD_MODULUS;
        refused(OUTSIDER, address(verifier), abi.encodeCall(PresentationVerifier.withdraw, (key)), why);
    }

    function testFuzz_a_withdrawal_touches_one_nullifier(uint256 key) public {
        key %= FIELD_MODULUS;
        vm.assume(key != withdrawalKeyOf(TYPICAL));
        equal(withdraw(OUTSIDER, key), new PoseidonT2().hash([key]));
        present(TYPICAL);
    }

    function test_a_policy_is_known_by_its_content() public {
        PresentationVerifier.Policy memory policy = policyOf(TYPICAL);
        bytes32 id = keccak256(abi.encode(policy));
        isTrue(!verifier.isRegistered(id));
        PresentationVerifier.Presentation memory presentation;
        presentation.policyId = id;
        bytes memory why = refusal(PresentationVerifier.UnknownPolicy.selector, uint256(id));
        presentRefused(OUTSIDER, presentation, why);
        equal(uint256(verifier.registerPolicy(policy)), uint256(id));
        isTrue(verifier.isRegistered(id));
        equal(uint256(verifier.registerPolicy(policy)), uint256(id));
    }

    function test_a_proof_serves_one_policy_only() public {
        PresentationVerifier.Presentation memory presentation = load(TYPICAL);
        PresentationVerifier.Policy memory policy = policyOf(TYPICAL);
        ++policy.scope;
        presentation.policyId = verifier.registerPolicy(policy);
        presentRefused(callerOf(TYPICAL), presentation, invalid());
        policy = policyOf(TYPICAL);
        ++policy.operands[0];
        presentation.policyId = verifier.registerPolicy(policy);
        presentRefused(callerOf(TYPICAL), presentation, invalid());
        policy = policyOf(TYPICAL);
        ++policy.set[7];
        presentation.policyId = verifier.registerPolicy(policy);
        presentRefused(callerOf(TYPICAL), presentation, invalid());
        policy = policyOf(TYPICAL);
        policy.word ^= 1;
        presentation.policyId = verifier.registerPolicy(policy);
        presentRefused(callerOf(TYPICAL), presentation, invalid());
        // A day more or less.
        policy = policyOf(TYPICAL);
        unchecked {
            ++policy.operands[daySlot(policy)];
        }
        presentation.policyId = verifier.registerPolicy(policy);
        presentRefused(callerOf(TYPICAL), presentation, invalid());
    }

    function daySlot(PresentationVerifier.Policy memory policy) internal pure returns (uint256 slot) {
        while (policy.modes[slot] != PresentationVerifier.OperandMode.Day) ++slot;
    }

    function registrationRefused(PresentationVerifier.Policy memory policy, bytes memory why) internal {
        refused(OUTSIDER, address(verifier), abi.encodeCall(PresentationVerifier.registerPolicy, (policy)), why);
    }

    function test_a_policy_that_means_nothing_is_not_registered() public {
        PresentationVerifier.Policy memory policy = policyOf(TYPICAL);
        policy.maxAge = 0;
        registrationRefused(policy, refusal(PresentationVerifier.MaxAgeIsZero.selector));
        policy = policyOf(TYPICAL);
        policy.scope += FIELD_MODULUS;
        registrationRefused(policy, refusal(Groth16.InputTooLarge.selector, 2));
        policy = policyOf(TYPICAL);
        policy.set[7] += FIELD_MODULUS;
        registrationRefused(policy, refusal(Groth16.InputTooLarge.selector, 21));
        policy = policyOf(TYPICAL);
        policy.operands[0] += FIELD_MODULUS;
        registrationRefused(policy, refusal(PresentationVerifier.OperandOutOfRange.selector, uint256(0)));
        policy = policyOf(TYPICAL);
        policy.word |= 1 << 128;
        registrationRefused(policy, refusal(bytes4(keccak256("InvalidPolicyWord(uint256)")), policy.word));
        policy = policyOf(TYPICAL);
        policy.word |= 1 << 95;
        registrationRefused(policy, refusal(bytes4(keccak256("InvalidPolicyWord(uint256)")), policy.word));
    }

    function test_only_what_must_be_equal_is_disclosed_and_its_operand_is_nobodys() public {
        PresentationVerifier.Policy memory policy = policyOf(TYPICAL);
        uint256 slot = daySlot(policy);
        policy.modes[slot] = PresentationVerifier.OperandMode.Disclosed;
        policy.operands[slot] = 0;
        registrationRefused(policy, refusal(PresentationVerifier.NotDisclosable.selector, slot));
        policy = policyOf(ALL_DISCLOSED);
        policy.operands[5] = 1;
        registrationRefused(policy, refusal(PresentationVerifier.OperandNotZero.selector, uint256(5)));
    }

    // The connectors of slots 0, 4 and 5: see PolicyWord.
    uint256 internal constant OR_OF_0 = 1 << 6;
    uint256 internal constant OR_OF_4 = 1 << (53 - 1);
    uint256 internal constant AND_OF_5 = 1 << (63 - 2);

    function test_what_an_alternative_could_replace_is_not_disclosed() public {
        PresentationVerifier.Policy memory policy = policyOf(ALL_DISCLOSED);
        bytes4 selector = PresentationVerifier.NotDisclosable.selector;
        uint256 word = policy.word;
        policy.word = word | OR_OF_0;
        registrationRefused(policy, refusal(selector, uint256(0)));
        // Slot 3, or slots 4 and 5.
        policy.word = word | OR_OF_4 | AND_OF_5;
        for (uint256 slot = 3; slot <= 5; ++slot) {
            registrationRefused(policy, refusal(selector, slot));
            policy.modes[slot] = PresentationVerifier.OperandMode.Fixed;
        }
        verifier.registerPolicy(policy);
        // Both are demanded.
        policy = policyOf(ALL_DISCLOSED);
        policy.word = word | AND_OF_5;
        verifier.registerPolicy(policy);
    }

    function test_days_are_at_most_so_far_away() public {
        PresentationVerifier.Policy memory policy = policyOf(TYPICAL);
        uint256 slot = daySlot(policy);
        int256 limit = verifier.MAX_DAY_OFFSET();
        bytes memory why = refusal(PresentationVerifier.OperandOutOfRange.selector, slot);
        policy.operands[slot] = uint256(limit + 1);
        registrationRefused(policy, why);
        policy.operands[slot] = uint256(-limit - 1);
        registrationRefused(policy, why);
        policy.operands[slot] = uint256(type(int256).min);
        registrationRefused(policy, why);
        policy.operands[slot] = uint256(limit);
        verifier.registerPolicy(policy);
        policy.operands[slot] = uint256(-limit);
        verifier.registerPolicy(policy);
    }

    // The operators of slots 1 (compare) and 7 (compare, masks): see PolicyWord.
    uint256 internal constant COMPARE_OF_1 = 1 << (17 + 2);
    uint256 internal constant COMPARE_OF_7 = 1 << (87 + 2);
    uint256 internal constant CONTAINS_OF_3 = 1 << (39 + 5);
    uint256 internal constant IN_MASK_OF_7 = 1 << (87 + 7);

    function blank(uint256 word) internal pure returns (PresentationVerifier.Policy memory policy) {
        (policy.word, policy.maxAge) = (word, 1);
    }

    function limits(uint256 word, uint256 slot, uint256 last, uint256 outside) internal {
        PresentationVerifier.Policy memory policy = blank(word);
        policy.operands[slot] = outside;
        registrationRefused(policy, refusal(PresentationVerifier.OperandOutOfRange.selector, slot));
        policy.operands[slot] = last;
        verifier.registerPolicy(policy);
    }

    function test_operands_of_comparisons_and_masks_are_in_range() public {
        limits(COMPARE_OF_1, 1, 1 << 40, (1 << 40) + 1);
        limits(COMPARE_OF_1, 1, FIELD_MODULUS - (1 << 40), FIELD_MODULUS - (1 << 40) - 1);
        limits(COMPARE_OF_7, 7, 1 << 40, (1 << 40) + 1);
        limits(CONTAINS_OF_3, 3, (1 << 40) - 1, 1 << 40);
        limits(IN_MASK_OF_7, 7, (1 << 64) - 1, 1 << 64);
    }

    function testFuzz_an_equality_takes_any_operand(uint256 operand, uint256 slot) public {
        PresentationVerifier.Policy memory policy = policyOf(ALL_DISCLOSED);
        slot %= 8;
        policy.modes[slot] = PresentationVerifier.OperandMode.Fixed;
        policy.operands[slot] = operand % FIELD_MODULUS;
        verifier.registerPolicy(policy);
    }

    function test_a_day_is_counted_from_1900_in_utc() public {
        // The proof's time is the first second of a day. A second earlier it is another operand, and so refused even
        // where the operand alone decides: see `test_changed_inputs_are_refused`. Here the day is 2026-01-01.
        uint256[] memory inputs = inputsOf(BY_CONTRACT);
        PresentationVerifier.Policy memory policy = policyOf(BY_CONTRACT);
        equal(policy.operands[daySlot(policy)], 0);
        equal(inputs[6 + daySlot(policy)], 25_567 + START / 1 days);
        // As fixed operands the same proof is accepted: the contract came to the same day.
        policy.operands[daySlot(policy)] = inputs[6 + daySlot(policy)];
        policy.modes[daySlot(policy)] = PresentationVerifier.OperandMode.Fixed;
        PresentationVerifier.Presentation memory presentation = load(BY_CONTRACT);
        presentation.policyId = verifier.registerPolicy(policy);
        done(callerOf(BY_CONTRACT), address(verifier), call(presentation));
    }
}
